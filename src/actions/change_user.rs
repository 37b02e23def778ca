//! An administrator changes an account, or its owner what is the owner's to change: `email_changed`, `username_changed`, `updated`.

use super::Auth;
use super::account_change::{self, Change, ChangeError, Unfit};
use super::administration::{self, Danger};
use super::attempts::reserve_for;
use super::authenticate::{self, Identity};
use crate::domain::ids::UserId;
use crate::domain::origin::Origin;
use crate::domain::user::User;
use crate::domain::version::Expected;
use crate::limits::Limited;
use crate::store::StoreError;

/// Why nothing was changed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The account type or the profile.
    #[error(transparent)]
    Unfit(#[from] Unfit),
    /// A live account has the address.
    #[error("the email address is taken")]
    EmailTaken,
    /// A live account has the username.
    #[error("the username is taken")]
    UsernameTaken,
    /// Who, whom, and which version.
    #[error(transparent)]
    Refused(#[from] administration::Error),
}

impl From<StoreError> for Error {
    fn from(error: StoreError) -> Self {
        Self::Refused(error.into())
    }
}

impl From<ChangeError> for Error {
    fn from(error: ChangeError) -> Self {
        match error {
            ChangeError::Unfit(unfit) => Self::Unfit(unfit),
            ChangeError::EmailTaken => Self::EmailTaken,
            ChangeError::UsernameTaken => Self::UsernameTaken,
            ChangeError::Store(error) => error.into(),
        }
    }
}

/// Changes a user. To everybody but administrators, somebody else and nobody look alike.
///
/// # Errors
/// [`Error`]; nothing is changed then.
pub async fn run(
    auth: &Auth,
    origin: &Origin,
    who: &Identity,
    target: UserId,
    expected: &Expected,
    change: Change,
) -> Result<User, Error> {
    if !who.user.is_admin() {
        if target != who.user.id {
            return Err(administration::Error::NotFound.into());
        }
        return run_own(auth, origin, who, expected, change).await;
    }
    administration::admit(auth, origin, who).await?;
    let mut tx = auth.store.begin(auth.clock.now(), origin).await?;
    let (user, mut lock) = administration::lock(auth, &mut tx, who, target, expected, Danger::None).await?;
    let actor = administration::actor(who).filter(|_| target != who.user.id);
    let Some(changed) = account_change::apply(auth, &mut tx, &mut lock, &user, change, actor).await? else {
        return Ok(user);
    };
    tx.commit().await?;
    auth.gate.invalidate_user(changed.id);
    Ok(changed)
}

/// Changes what is the owner's to change of the caller's own account. What is the same already is no change, and no change is no
/// event.
///
/// # Errors
/// [`Error`]; nothing is changed then.
pub async fn run_own(
    auth: &Auth,
    origin: &Origin,
    who: &Identity,
    expected: &Expected,
    change: Change,
) -> Result<User, Error> {
    if change.email.is_some() || change.account_type.is_some() {
        return Err(administration::Error::Forbidden.into());
    }
    reserve_for(auth, origin, who, Limited::Change)
        .await
        .map_err(administration::Error::Failure)?;
    let mut tx = auth.store.begin(auth.clock.now(), origin).await?;
    let (user, mut lock) = authenticate::lock(auth, &mut tx, who)
        .await?
        .ok_or(administration::Error::SessionEnded)?;
    if !expected.is_met_by(&user) {
        return Err(administration::Error::Stale.into());
    }
    let Some(changed) = account_change::apply(auth, &mut tx, &mut lock, &user, change, None).await? else {
        return Ok(user);
    };
    tx.commit().await?;
    auth.gate.invalidate_user(changed.id);
    Ok(changed)
}
