//! An application records an event of its own about its user: `custom`, with the user as the one who said so.

use watchword_events::{Actor, AuthEvent, Custom};

use super::authenticate::{self, Identity};
use super::{Auth, Failure};
use crate::domain::custom_event::{Attributes, CustomName};
use crate::domain::ids::EventId;
use crate::domain::origin::Origin;
use crate::limits::Limited;

/// What happened.
pub struct Input {
    /// The application's name for it.
    pub name: CustomName,
    /// What it says about it.
    pub attributes: Option<Attributes>,
}

/// Why nothing was recorded.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The account or the session ended meanwhile.
    #[error("the session has ended")]
    SessionEnded,
    /// Try later.
    #[error(transparent)]
    Failure(Failure),
}

impl<E> From<E> for Error
where
    Failure: From<E>,
{
    fn from(error: E) -> Self {
        Self::Failure(error.into())
    }
}

/// Records the event and tells its id.
///
/// # Errors
/// [`Error`]; nothing is recorded then.
pub async fn run(auth: &Auth, origin: &Origin, who: &Identity, input: Input) -> Result<EventId, Error> {
    auth.limits
        .reserve(Limited::Custom, &who.user.id.to_string(), origin.ip, auth.clock.now())
        .await?;
    let event = AuthEvent::Custom(Custom {
        name: input.name.as_str().to_owned(),
        attributes: input.attributes.map(Attributes::into_map),
    });
    let mut tx = auth.store.begin(auth.clock.now(), origin).await?;
    let (user, mut lock) = authenticate::lock(auth, &mut tx, who)
        .await?
        .ok_or(Error::SessionEnded)?;
    let actor = Actor::User { id: user.id.as_uuid() };
    let id = tx.record_by(Some(actor), &mut lock, event).await?;
    tx.commit().await?;
    Ok(id)
}
