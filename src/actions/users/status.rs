//! An administrator stops an account or lets it in again: `disabled`, `enabled`.

use watchword_events::{AuthEvent, Disabled, DisabledReason, Enabled, EnabledReason};

pub use super::admin_guard::Error;
use super::admin_guard::{self, AdminGuard};
use crate::actions::Services;
use crate::actions::sessions::authenticate::Identity;
use crate::domain::ids::UserId;
use crate::domain::request_metadata::RequestMetadata;
use crate::domain::session::RevokeReason;
use crate::domain::user::version::Expected;
use crate::domain::user::{User, UserStatus};

/// Disables an account: no login, no refresh, and every session of it ends. One that is disabled is no change.
///
/// # Errors
/// [`Error`]; nothing is changed then.
pub async fn disable(
    services: &Services,
    request: &RequestMetadata,
    caller: &Identity,
    target: UserId,
) -> Result<User, Error> {
    admin_guard::authorize(services, request, caller).await?;
    let mut tx = services.store.begin(services.clock.now(), request).await?;
    let guard = AdminGuard::Required;
    let (user, mut lock) = admin_guard::lock_target(services, &mut tx, caller, target, &Expected::Any, guard).await?;
    if user.status == UserStatus::Disabled {
        return Ok(user);
    }
    admin_guard::ensure_another_admin(&mut tx, &user).await?;
    let user = tx.set_status(user.id, UserStatus::Disabled).await?;
    let ended = tx
        .revoke_sessions(user.id, None, RevokeReason::Disabled, &services.sessions)
        .await?;
    let event = AuthEvent::Disabled(Disabled {
        reason: DisabledReason::Admin,
    });
    tx.record_by(admin_guard::actor(caller), &mut lock, event).await?;
    tx.commit().await?;
    services.gate.ended(&ended).await;
    Ok(user)
}

/// Enables a disabled account. One that is active is no change.
///
/// # Errors
/// [`Error`]; nothing is changed then.
pub async fn enable(
    services: &Services,
    request: &RequestMetadata,
    caller: &Identity,
    target: UserId,
) -> Result<User, Error> {
    admin_guard::authorize(services, request, caller).await?;
    let mut tx = services.store.begin(services.clock.now(), request).await?;
    // It may be an administrator's account: whoever has just lost the right must not bring one back, as in a grant.
    let guard = AdminGuard::Required;
    let (user, mut lock) = admin_guard::lock_target(services, &mut tx, caller, target, &Expected::Any, guard).await?;
    if user.status == UserStatus::Active {
        return Ok(user);
    }
    let user = tx.set_status(user.id, UserStatus::Active).await?;
    let event = AuthEvent::Enabled(Enabled {
        reason: EnabledReason::Admin,
    });
    tx.record_by(admin_guard::actor(caller), &mut lock, event).await?;
    tx.commit().await?;
    services.gate.changed(user.id);
    Ok(user)
}
