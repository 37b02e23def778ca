//! Records an application's own event about its user, `auth.custom.<name>`, with the user as the
//! actor. It has no number among what happened to the user, since its sender chooses what it says.

use serde_json::{Map, Value};
use watchword_events::{Actor, Custom};

use crate::actions::ActionError::{self, Refused};
use crate::actions::Context;
use crate::actions::error::widen;
use crate::actions::idempotency::{self, Fingerprint, Idempotent};
use crate::actions::rate_limits::charge_user;
use crate::actions::sessions::authenticate::{self, Identity};
use crate::domain::custom_event::{Attributes, CustomName};
use crate::domain::idempotency::IdempotencyKey;
use crate::domain::ids::EventId;
use crate::limits::RateLimit;

pub struct Input {
    /// What happened, as the application calls it.
    pub name: CustomName,
    pub attributes: Option<Attributes>,
    pub idempotency_key: Option<IdempotencyKey>,
}

#[derive(Debug, thiserror::Error)]
pub enum Refusal {
    #[error("custom events are not recorded here")]
    Disabled,
    #[error("the caller's session has ended")]
    SessionEnded,
    #[error(transparent)]
    Idempotency(#[from] idempotency::Refusal),
}

/// Record the event and return its id; a repeated request gets the id of the first one.
///
/// # Errors
/// [`Refusal`]; nothing is recorded then.
pub async fn run(cx: Context, caller: Identity, input: Input) -> Result<EventId, ActionError<Refusal>> {
    if !cx.services.custom_events {
        return Err(Refused(Refusal::Disabled));
    }
    charge_user(&cx, &caller, RateLimit::Custom).await?;
    let attributes = input.attributes.map(|attributes| Value::Object(attributes.into_map()));
    let fingerprint = || {
        let fingerprint = Fingerprint::of("record_event").text(Some(input.name.as_str()));
        fingerprint.json(attributes.as_ref())
    };
    let (user, key) = (Some(caller.user.id.as_uuid()), input.idempotency_key.as_ref());
    let begun = idempotency::begin(&cx, user, key, fingerprint).await.map_err(widen)?;
    let guard = match begun {
        Idempotent::New(guard) => guard,
        Idempotent::Replay(id) => return Ok(id.into()),
    };
    let event = Custom {
        name: input.name.as_str().to_owned(),
        attributes: attributes.and_then(into_map),
    };
    let mut tx = authenticate::lock_caller(&cx, &caller, Refusal::SessionEnded).await?;
    let actor = Actor::user(tx.user().id.as_uuid());
    let id = tx.record_as(Some(actor), event).await?;
    // After the user's lock, which no two requests of one caller hold at once.
    let claimed = idempotency::claim(&cx, guard.as_ref(), tx, id.as_uuid()).await;
    match claimed.map_err(widen)? {
        Idempotent::New(tx) => tx.commit().await?,
        Idempotent::Replay(id) => return Ok(id.into()),
    };
    Ok(id)
}

fn into_map(value: Value) -> Option<Map<String, Value>> {
    match value {
        Value::Object(map) => Some(map),
        _ => None,
    }
}
