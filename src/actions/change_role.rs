//! An administrator grants a role or takes it away: `role_granted`, `role_revoked`.

use watchword_events::{AuthEvent, RoleGranted, RoleRevoked};

use super::Auth;
use super::administration::{self, Danger};
use super::authenticate::Identity;
use crate::domain::account::Role;
use crate::domain::ids::UserId;
use crate::domain::origin::Origin;
use crate::domain::user::User;
use crate::domain::version::Expected;
use crate::store::StoreError;

/// Why the roles are as they were.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// No such role is configured.
    #[error("no such role")]
    UnknownRole,
    /// Who and whom.
    #[error(transparent)]
    Refused(#[from] administration::Error),
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
pub async fn run_grant(
    auth: &Auth,
    origin: &Origin,
    who: &Identity,
    target: UserId,
    role: Role,
) -> Result<User, Error> {
    administration::admit(auth, origin, who).await?;
    if !auth.accounts.knows_role(&role) {
        return Err(Error::UnknownRole);
    }
    let mut tx = auth.store.begin(auth.clock.now(), origin).await?;
    // Whoever has just lost the right must not give it to somebody else: with the guard the two come one after the other.
    let danger = if role == Role::Admin {
        Danger::LastAdministrator
    } else {
        Danger::None
    };
    let (user, mut lock) = administration::lock(auth, &mut tx, who, target, &Expected::Any, danger).await?;
    if user.roles.contains(&role) {
        return Ok(user);
    }
    let mut roles = user.roles;
    roles.push(role.clone());
    let user = tx.set_roles(user.id, &roles).await?;
    let event = AuthEvent::RoleGranted(RoleGranted { role: role.to_string() });
    tx.record_by(administration::actor(who), &mut lock, event).await?;
    tx.commit().await?;
    auth.gate.invalidate_user(user.id);
    Ok(user)
}

/// Takes a role away, also one that is configured no more. A role that the user does not have is no change.
///
/// # Errors
/// [`Error`]; nothing is changed then.
pub async fn run_revoke(
    auth: &Auth,
    origin: &Origin,
    who: &Identity,
    target: UserId,
    role: Role,
) -> Result<User, Error> {
    administration::admit(auth, origin, who).await?;
    let mut tx = auth.store.begin(auth.clock.now(), origin).await?;
    let danger = if role == Role::Admin {
        Danger::LastAdministrator
    } else {
        Danger::None
    };
    let (user, mut lock) = administration::lock(auth, &mut tx, who, target, &Expected::Any, danger).await?;
    if !user.roles.contains(&role) {
        return Ok(user);
    }
    if danger == Danger::LastAdministrator {
        administration::keep_one(&mut tx, &user).await?;
    }
    let roles: Vec<Role> = user.roles.into_iter().filter(|other| *other != role).collect();
    let user = tx.set_roles(user.id, &roles).await?;
    let event = AuthEvent::RoleRevoked(RoleRevoked { role: role.to_string() });
    tx.record_by(administration::actor(who), &mut lock, event).await?;
    tx.commit().await?;
    auth.gate.invalidate_user(user.id);
    Ok(user)
}
