//! An administrator changes an account, or its owner what is the owner's to change: `email_changed`, `username_changed`, `updated`.

use super::admin_guard::{self, AdminGuard};
use crate::actions::Services;
use crate::actions::accounts::change::{self, Change, ChangeError, ProfileError};
use crate::actions::rate_limits::charge_user;
use crate::actions::sessions::authenticate::{self, Identity};
use crate::domain::ids::UserId;
use crate::domain::request_metadata::RequestMetadata;
use crate::domain::user::User;
use crate::domain::user::version::Expected;
use crate::limits::RateLimit;
use crate::store::StoreError;

/// Why nothing was changed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The account type or the profile.
    #[error(transparent)]
    ProfileError(#[from] ProfileError),
    /// A live account has the address.
    #[error("the email address is taken")]
    EmailTaken,
    /// A live account has the username.
    #[error("the username is taken")]
    UsernameTaken,
    /// Who, whom, and which version.
    #[error(transparent)]
    Refused(#[from] admin_guard::Error),
}

impl From<StoreError> for Error {
    fn from(error: StoreError) -> Self {
        Self::Refused(error.into())
    }
}

impl From<ChangeError> for Error {
    fn from(error: ChangeError) -> Self {
        match error {
            ChangeError::ProfileError(unfit) => Self::ProfileError(unfit),
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
    services: &Services,
    request: &RequestMetadata,
    caller: &Identity,
    target: UserId,
    expected: &Expected,
    change: Change,
) -> Result<User, Error> {
    if !caller.user.is_admin() {
        if target != caller.user.id {
            return Err(admin_guard::Error::NotFound.into());
        }
        return run_own(services, request, caller, expected, change).await;
    }
    admin_guard::authorize(services, request, caller).await?;
    let mut tx = services.store.begin(services.clock.now(), request).await?;
    let (user, mut lock) =
        admin_guard::lock_target(services, &mut tx, caller, target, expected, AdminGuard::NotNeeded).await?;
    let actor = admin_guard::actor(caller).filter(|_| target != caller.user.id);
    let Some(changed) = change::apply(services, &mut tx, &mut lock, &user, change, actor).await? else {
        return Ok(user);
    };
    tx.commit().await?;
    services.gate.changed(changed.id);
    Ok(changed)
}

/// Changes what is the owner's to change of the caller's own account. What is the same already is no change, and no change is no
/// event.
///
/// # Errors
/// [`Error`]; nothing is changed then.
pub async fn run_own(
    services: &Services,
    request: &RequestMetadata,
    caller: &Identity,
    expected: &Expected,
    change: Change,
) -> Result<User, Error> {
    if change.email.is_some() || change.account_type.is_some() {
        return Err(admin_guard::Error::Forbidden.into());
    }
    charge_user(services, request, caller, RateLimit::Change)
        .await
        .map_err(admin_guard::Error::Failure)?;
    let mut tx = services.store.begin(services.clock.now(), request).await?;
    let (user, mut lock) = authenticate::lock(services, &mut tx, caller)
        .await?
        .ok_or(admin_guard::Error::SessionEnded)?;
    if !expected.is_met_by(&user) {
        return Err(admin_guard::Error::Stale.into());
    }
    let Some(changed) = change::apply(services, &mut tx, &mut lock, &user, change, None).await? else {
        return Ok(user);
    };
    tx.commit().await?;
    services.gate.changed(changed.id);
    Ok(changed)
}
