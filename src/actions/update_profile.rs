//! A user changes their own name, username or profile: `updated` with the names of the fields, `username_changed`.

use super::account_change::{self, Change, ChangeError, Unfit};
use super::attempts::reserve_for;
use super::authenticate::{self, Identity};
use super::{Auth, Failure};
use crate::domain::origin::Origin;
use crate::domain::user::User;
use crate::limits::Limited;
use crate::store::StoreError;

/// Why nothing was changed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The profile.
    #[error(transparent)]
    Unfit(#[from] Unfit),
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
        Self::Failure(error.into())
    }
}

impl From<ChangeError> for Error {
    fn from(error: ChangeError) -> Self {
        match error {
            ChangeError::Unfit(unfit) => Self::Unfit(unfit),
            // Nobody changes their own address here.
            ChangeError::EmailTaken | ChangeError::UsernameTaken => Self::UsernameTaken,
            ChangeError::Store(error) => Self::Failure(error.into()),
        }
    }
}

/// Changes a profile. What is the same already is no change, and no change is no event. An address and an account type in the
/// change are ignored: they are not the owner's to change.
///
/// # Errors
/// [`Error`]; nothing is changed then.
pub async fn run(auth: &Auth, origin: &Origin, who: &Identity, change: Change) -> Result<User, Error> {
    reserve_for(auth, origin, who, Limited::Change)
        .await
        .map_err(Error::Failure)?;
    let mut tx = auth.store.begin(auth.clock.now(), origin).await?;
    let (user, mut lock) = authenticate::lock(auth, &mut tx, who)
        .await?
        .ok_or(Error::SessionEnded)?;
    let change = Change {
        email: None,
        account_type: None,
        ..change
    };
    let Some(changed) = account_change::apply(auth, &mut tx, &mut lock, &user, change, None).await? else {
        return Ok(user);
    };
    tx.commit().await?;
    auth.gate.changed(changed.id);
    Ok(changed)
}
