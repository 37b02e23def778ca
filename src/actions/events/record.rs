//! An application records an event of its own about its user: `custom`, with the user as the one who said so.

use serde_json::{Map, Value};
use watchword_events::{Actor, AuthEvent, Custom};

use crate::actions::idempotency::{self, Fingerprint, Idempotent};
use crate::actions::rate_limits::charge_user;
use crate::actions::sessions::authenticate::{self, Identity};
use crate::actions::{Failure, Services};
use crate::domain::custom_event::{Attributes, CustomName};
use crate::domain::idempotency::IdempotencyKey;
use crate::domain::ids::EventId;
use crate::domain::request_metadata::RequestMetadata;
use crate::limits::RateLimit;

/// What happened.
pub struct Input {
    /// The application's name for it.
    pub name: CustomName,
    /// What it says about it.
    pub attributes: Option<Attributes>,
    /// The request's name, when it may be repeated.
    pub idempotency_key: Option<IdempotencyKey>,
}

/// Why nothing was recorded.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The account or the session ended meanwhile.
    #[error("the session has ended")]
    SessionEnded,
    /// The request's key stands in the way.
    #[error(transparent)]
    Key(idempotency::Error),
    /// Try later.
    #[error(transparent)]
    Failure(Failure),
}

impl From<idempotency::Error> for Error {
    fn from(error: idempotency::Error) -> Self {
        Self::Key(error)
    }
}

impl<E> From<E> for Error
where
    Failure: From<E>,
{
    fn from(error: E) -> Self {
        Self::Failure(error.into())
    }
}

/// Records the event and tells its id; of a request that is repeated, the id that it has.
///
/// # Errors
/// [`Error`]; nothing is recorded then.
pub async fn run(
    services: &Services,
    request: &RequestMetadata,
    caller: &Identity,
    input: Input,
) -> Result<EventId, Error> {
    charge_user(services, request, caller, RateLimit::Custom).await?;
    let attributes = input.attributes.map(|given| Value::Object(given.into_map()));
    let asked = || {
        let asked = Fingerprint::of("record_event").text(Some(input.name.as_str()));
        asked.json(attributes.as_ref())
    };
    let key = input.idempotency_key.as_ref();
    let guard = match idempotency::begin(services, Some(caller.user.id.as_uuid()), key, asked).await? {
        Idempotent::New(guard) => guard,
        Idempotent::Replay(made) => return Ok(made.into()),
    };
    let event = AuthEvent::Custom(Custom {
        name: input.name.as_str().to_owned(),
        attributes: attributes.and_then(into_map),
    });
    let mut tx = services.store.begin(services.clock.now(), request).await?;
    let (user, mut lock) = authenticate::lock(services, &mut tx, caller)
        .await?
        .ok_or(Error::SessionEnded)?;
    let actor = Actor::User { id: user.id.as_uuid() };
    let id = tx.record_by(Some(actor), &mut lock, event).await?;
    // After the user's lock, which no two requests of one caller hold at once.
    match idempotency::claim(services, guard.as_ref(), tx, id.as_uuid()).await? {
        Idempotent::New(tx) => tx.commit().await?,
        Idempotent::Replay(made) => return Ok(made.into()),
    }
    Ok(id)
}

fn into_map(value: Value) -> Option<Map<String, Value>> {
    match value {
        Value::Object(map) => Some(map),
        _ => None,
    }
}
