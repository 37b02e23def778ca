//! Grants and revokes roles: `role_granted`, `role_revoked`.

use watchword_events::{Actor, RoleGranted, RoleRevoked};

use super::admin_guard::{self, AdminGuard};
use crate::actions::ActionError::{self, Refused};
use crate::actions::Context;
use crate::actions::error::widen;
use crate::actions::sessions::authenticate::Identity;
use crate::domain::ids::UserId;
use crate::domain::user::User;
use crate::domain::user::role::Role;
use crate::domain::user::version::Expected;
use crate::store::{StoreError, UserTx};

#[derive(Debug, thiserror::Error)]
pub enum Refusal {
    /// The role is not configured.
    #[error("no such role")]
    UnknownRole,
    #[error(transparent)]
    Admin(#[from] admin_guard::Refusal),
}

/// Grant a role: at once in this service, in access tokens after the next refresh. A role that the
/// user has is left as is.
///
/// # Errors
/// [`Refusal`]; nothing has changed then.
pub async fn grant(
    cx: Context,
    caller: Identity,
    target: UserId,
    expected: Expected,
    role: Role,
) -> Result<User, ActionError<Refusal>> {
    admin_guard::authorize(&cx, &caller).await.map_err(widen)?;
    if !cx.services.accounts.knows_role(&role) {
        return Err(Refused(Refusal::UnknownRole));
    }
    let tx = lock(&cx, &caller, target, &expected, &role).await.map_err(widen)?;
    Ok(grant_as(admin_guard::actor(&caller), &cx, tx, role).await?)
}

/// Grant a role to a locked row's user.
pub(super) async fn grant_as(
    actor: Option<Actor>,
    cx: &Context,
    mut tx: UserTx<'_>,
    role: Role,
) -> Result<User, StoreError> {
    if tx.user().roles.contains(&role) {
        return Ok(tx.unchanged());
    }
    let mut roles = tx.user().roles.clone();
    roles.push(role.clone());
    tx.set_roles(&roles).await?;
    let granted = RoleGranted { role: role.to_string(), roles: published(tx.user()) };
    tx.record_as(actor, granted).await?;
    let user = tx.commit().await?;
    cx.services.session_cache.invalidate_user(user.id);
    Ok(user)
}

/// Revoke a role, even one that is not configured any longer. A role that the user does not have is
/// left as is.
///
/// # Errors
/// [`Refusal`](admin_guard::Refusal); nothing has changed then.
pub async fn revoke(
    cx: Context,
    caller: Identity,
    target: UserId,
    expected: Expected,
    role: Role,
) -> Result<User, ActionError<admin_guard::Refusal>> {
    admin_guard::authorize(&cx, &caller).await?;
    let mut tx = lock(&cx, &caller, target, &expected, &role).await?;
    if !tx.user().roles.contains(&role) {
        return Ok(tx.unchanged());
    }
    if role == Role::Admin {
        admin_guard::ensure_another_admin(&mut tx).await?;
    }
    let roles = tx.user().roles.iter().filter(|other| **other != role);
    let roles: Vec<Role> = roles.cloned().collect();
    tx.set_roles(&roles).await?;
    let revoked = RoleRevoked { role: role.to_string(), roles: published(tx.user()) };
    tx.record_as(admin_guard::actor(&caller), revoked).await?;
    let user = tx.commit().await?;
    cx.services.session_cache.invalidate_user(user.id);
    Ok(user)
}

/// The user's roles in events.
fn published(user: &User) -> Vec<String> {
    user.roles.iter().map(ToString::to_string).collect()
}

/// Lock the user, with the admin lock for that role: a concurrent demotion of the caller is seen.
async fn lock<'a>(
    cx: &'a Context,
    caller: &Identity,
    target: UserId,
    expected: &Expected,
    role: &Role,
) -> Result<UserTx<'a>, ActionError<admin_guard::Refusal>> {
    let guard = if *role == Role::Admin {
        AdminGuard::Required
    } else {
        AdminGuard::NotNeeded
    };
    admin_guard::lock_target(cx, caller, target, expected, guard).await
}
