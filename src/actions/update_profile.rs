//! A user changes their own name or username: `updated`, with the names of the fields.

use watchword_events::{AuthEvent, ChangedField, Updated};

use super::authenticate::{self, Identity};
use super::{Auth, Failure};
use crate::domain::name::DisplayName;
use crate::domain::origin::Origin;
use crate::domain::user::User;
use crate::domain::username::Username;
use crate::limits::Limited;
pub use crate::store::ProfileChange as Input;
use crate::store::{Conflict, StoreError};

/// Why nothing was changed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A live account has the username.
    #[error("the username is taken")]
    UsernameTaken,
    /// The account or the session ended meanwhile.
    #[error("the session has ended")]
    SessionEnded,
    /// Try later.
    #[error(transparent)]
    Failure(Failure),
}

impl From<StoreError> for Error {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Conflict(Conflict::Username) => Self::UsernameTaken,
            other => Self::Failure(other.into()),
        }
    }
}

/// Changes a profile. What is the same already is no change, and no change is no event.
///
/// # Errors
/// [`Error`]; nothing is changed then.
pub async fn run(auth: &Auth, origin: &Origin, who: &Identity, change: Input) -> Result<User, Error> {
    auth.limits
        .reserve(Limited::Change, &who.user.id.to_string(), origin.ip, auth.clock.now())
        .await
        .map_err(|exceeded| Error::Failure(exceeded.into()))?;
    let mut tx = auth.store.begin(auth.clock.now(), origin).await?;
    let (user, mut lock) = authenticate::lock(auth, &mut tx, who)
        .await?
        .ok_or(Error::SessionEnded)?;
    let changed_fields = changed(&user, &change);
    if changed_fields.is_empty() {
        return Ok(user);
    }
    let user = tx.update_profile(user.id, change).await?;
    tx.record(&mut lock, AuthEvent::Updated(Updated { changed_fields }))
        .await?;
    tx.commit().await?;
    auth.gate.changed(user.id);
    Ok(user)
}

fn changed(user: &User, change: &Input) -> Vec<ChangedField> {
    let username = change.username.as_ref().map(|name| name.as_ref().map(Username::as_str));
    let name = change.name.as_ref().map(|name| name.as_ref().map(DisplayName::as_str));
    let mut fields = Vec::new();
    if username.is_some_and(|new| new != user.username.as_deref()) {
        fields.push(ChangedField::Username);
    }
    if name.is_some_and(|new| new != user.name.as_deref()) {
        fields.push(ChangedField::Name);
    }
    fields
}
