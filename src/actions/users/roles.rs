//! An administrator grants a role or takes it away: `role_granted`, `role_revoked`.

use watchword_events::{AuthEvent, RoleGranted, RoleRevoked};

use super::admin_guard::{self, AdminGuard};
use crate::actions::Services;
use crate::actions::sessions::authenticate::Identity;
use crate::domain::ids::UserId;
use crate::domain::request_metadata::RequestMetadata;
use crate::domain::user::User;
use crate::domain::user::account::Role;
use crate::domain::user::version::Expected;
use crate::store::StoreError;

/// Why the roles are as they were.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// No such role is configured.
    #[error("no such role")]
    UnknownRole,
    /// Who and whom.
    #[error(transparent)]
    Refused(#[from] admin_guard::Error),
}

impl From<StoreError> for Error {
    fn from(error: StoreError) -> Self {
        Self::Refused(error.into())
    }
}

/// Grants a role. Tokens say so from the next refresh on; this service at once. A role that the user has is no change.
///
/// # Errors
/// [`Error`]; nothing is changed then.
pub async fn grant(
    services: &Services,
    request: &RequestMetadata,
    caller: &Identity,
    target: UserId,
    role: Role,
) -> Result<User, Error> {
    admin_guard::authorize(services, request, caller).await?;
    if !services.accounts.knows_role(&role) {
        return Err(Error::UnknownRole);
    }
    let mut tx = services.store.begin(services.clock.now(), request).await?;
    // Whoever has just lost the right must not give it to somebody else: with the guard the two come one after the other.
    let guard = if role == Role::Admin {
        AdminGuard::Required
    } else {
        AdminGuard::NotNeeded
    };
    let (user, mut lock) = admin_guard::lock_target(services, &mut tx, caller, target, &Expected::Any, guard).await?;
    if user.roles.contains(&role) {
        return Ok(user);
    }
    let mut roles = user.roles;
    roles.push(role.clone());
    let user = tx.set_roles(user.id, &roles).await?;
    let event = AuthEvent::RoleGranted(RoleGranted { role: role.to_string() });
    tx.record_by(admin_guard::actor(caller), &mut lock, event).await?;
    tx.commit().await?;
    services.gate.changed(user.id);
    Ok(user)
}

/// Takes a role away, also one that is configured no more. A role that the user does not have is no change.
///
/// # Errors
/// [`Error`]; nothing is changed then.
pub async fn revoke(
    services: &Services,
    request: &RequestMetadata,
    caller: &Identity,
    target: UserId,
    role: Role,
) -> Result<User, Error> {
    admin_guard::authorize(services, request, caller).await?;
    let mut tx = services.store.begin(services.clock.now(), request).await?;
    let guard = if role == Role::Admin {
        AdminGuard::Required
    } else {
        AdminGuard::NotNeeded
    };
    let (user, mut lock) = admin_guard::lock_target(services, &mut tx, caller, target, &Expected::Any, guard).await?;
    if !user.roles.contains(&role) {
        return Ok(user);
    }
    if guard == AdminGuard::Required {
        admin_guard::ensure_another_admin(&mut tx, &user).await?;
    }
    let roles: Vec<Role> = user.roles.into_iter().filter(|other| *other != role).collect();
    let user = tx.set_roles(user.id, &roles).await?;
    let event = AuthEvent::RoleRevoked(RoleRevoked { role: role.to_string() });
    tx.record_by(admin_guard::actor(caller), &mut lock, event).await?;
    tx.commit().await?;
    services.gate.changed(user.id);
    Ok(user)
}
