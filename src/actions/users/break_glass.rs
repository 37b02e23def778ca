//! Changes by the operator, from the command line only: they need no administrator who can log in.
//! They record the same events as an administrator's changes, with the service `operator` as actor.

use watchword_events::{Actor, EnabledReason, PasswordResetCompleted, SessionRevokedReason, UnlockedReason};

use super::{remove_mfa, roles, status, unlock};
use crate::actions::ActionError::{self, Refused};
use crate::actions::Context;
use crate::actions::passwords::user_inputs::password_user_inputs;
use crate::actions::sessions::ended;
use crate::domain::ids::UserId;
use crate::domain::password::Password;
use crate::domain::session::RevokeReason;
use crate::domain::text::TextError;
use crate::domain::user::email::Email;
use crate::domain::user::role::Role;
use crate::domain::user::{User, UserStatus};
use crate::store::UserTx;

/// How events name the operator.
const OPERATOR: &str = "operator";

/// How the operator names a user.
#[derive(Debug, Clone)]
pub enum Target {
    Id(UserId),
    Email(Email),
}

#[derive(Debug, thiserror::Error)]
pub enum Refusal {
    /// The user does not exist or is deleted.
    #[error("no such user")]
    NotFound,
    #[error("the user is not disabled")]
    NotDisabled,
    #[error("no such role (accounts.roles, accounts.types)")]
    UnknownRole,
    #[error("the user has this role")]
    HasRole,
    #[error("the user has no authenticator")]
    NoAuthenticator,
    #[error("the password {0}")]
    Password(TextError),
}

/// Forget the failed logins of a user: `unlocked`.
///
/// # Errors
/// [`Refusal`]; nothing has changed then.
pub async fn unlock(cx: Context, target: Target) -> Result<UserId, ActionError<Refusal>> {
    let tx = lock(&cx, &target).await?;
    let id = tx.user().id;
    unlock::unlock_as(operator(), UnlockedReason::Operator, &cx, tx).await?;
    Ok(id)
}

/// Enable a disabled user: `enabled`.
///
/// # Errors
/// [`Refusal`]; nothing has changed then.
pub async fn enable(cx: Context, target: Target) -> Result<UserId, ActionError<Refusal>> {
    let tx = lock(&cx, &target).await?;
    if tx.user().status != UserStatus::Disabled {
        return Err(Refused(Refusal::NotDisabled));
    }
    Ok(status::enable_as(operator(), EnabledReason::Operator, &cx, tx).await?.id)
}

/// Grant a role: `role_granted`.
///
/// # Errors
/// [`Refusal`]; nothing has changed then.
pub async fn grant_role(cx: Context, target: Target, role: Role) -> Result<UserId, ActionError<Refusal>> {
    if !cx.services.accounts.knows_role(&role) {
        return Err(Refused(Refusal::UnknownRole));
    }
    let tx = lock(&cx, &target).await?;
    if tx.user().roles.contains(&role) {
        return Err(Refused(Refusal::HasRole));
    }
    Ok(roles::grant_as(operator(), &cx, tx, role).await?.id)
}

/// Remove a lost authenticator and its recovery codes: `mfa_removed`.
///
/// # Errors
/// [`Refusal`]; nothing has changed then.
pub async fn remove_mfa(cx: Context, target: Target) -> Result<UserId, ActionError<Refusal>> {
    let tx = lock(&cx, &target).await?;
    let id = tx.user().id;
    if remove_mfa::remove_as(operator(), tx).await? {
        Ok(id)
    } else {
        Err(Refused(Refusal::NoAuthenticator))
    }
}

/// Set a new password and revoke every session: `password_reset_completed`. Return how many
/// sessions ended.
///
/// # Errors
/// [`Refusal`]; nothing has changed then.
pub async fn reset_password(
    cx: Context,
    target: Target,
    password: Password,
) -> Result<(UserId, usize), ActionError<Refusal>> {
    let services = &cx.services;
    let owner = find(&cx, &target).await?;
    let words = password_user_inputs(&cx, &owner.email, owner.username.as_ref(), owner.name.as_ref());
    let allowed = services.passwords.check(&password, &words);
    allowed.map_err(|error| Refused(Refusal::Password(error)))?;
    let hash = services.hasher.hash(password).await?.into_string().into();
    let mut tx = lock(&cx, &Target::Id(owner.id)).await?;
    let ended = tx.revoke_sessions(None, RevokeReason::PasswordReset, &services.sessions).await?;
    tx.set_password(&hash).await?;
    let completed = |ended_session_ids| PasswordResetCompleted { ended_session_ids };
    ended::record(&mut tx, operator(), &ended, SessionRevokedReason::PasswordReset, completed).await?;
    tx.commit().await?;
    services.session_cache.invalidate_sessions(&ended).await;
    Ok((owner.id, ended.len()))
}

async fn find(cx: &Context, target: &Target) -> Result<User, ActionError<Refusal>> {
    let store = &cx.services.store;
    let found = match target {
        Target::Id(id) => store.credentials_by_id(*id).await?,
        Target::Email(email) => store.credentials_by_identifier(email.canonical()).await?,
    };
    found.map(|found| found.user).ok_or(Refused(Refusal::NotFound))
}

/// Begin a transaction and lock the user, behind the lock of the administrators: the change may
/// make one.
async fn lock<'a>(cx: &'a Context, target: &Target) -> Result<UserTx<'a>, ActionError<Refusal>> {
    let id = find(cx, target).await?.id;
    let mut tx = cx.begin().await?;
    tx.guard_admins().await?;
    let tx = tx.lock_user(id).await?.ok_or(Refused(Refusal::NotFound))?;
    if tx.user().status == UserStatus::Deleted {
        return Err(Refused(Refusal::NotFound));
    }
    Ok(tx)
}

/// The operator, as events name them.
pub(in crate::actions) fn operator() -> Option<Actor> {
    Some(Actor::service(OPERATOR))
}
