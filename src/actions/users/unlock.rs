//! An administrator lifts what failed logins have brought upon an account: `unlocked`.

use watchword_events::{AuthEvent, Unlocked, UnlockedReason};

pub use super::admin_guard::Error;
use super::admin_guard::{self, AdminGuard};
use crate::actions::Services;
use crate::actions::rate_limits::reset_account;
use crate::actions::sessions::authenticate::Identity;
use crate::domain::ids::UserId;
use crate::domain::request_metadata::RequestMetadata;
use crate::domain::user::version::Expected;

/// Forgets how often somebody tried to log in to an account, by its address or its username. What networks tried still counts.
///
/// # Errors
/// [`Error`]; nothing is forgotten then.
pub async fn run(
    services: &Services,
    request: &RequestMetadata,
    caller: &Identity,
    target: UserId,
) -> Result<(), Error> {
    admin_guard::authorize(services, request, caller).await?;
    let mut tx = services.store.begin(services.clock.now(), request).await?;
    let (user, mut lock) =
        admin_guard::lock_target(services, &mut tx, caller, target, &Expected::Any, AdminGuard::NotNeeded).await?;
    let event = AuthEvent::Unlocked(Unlocked {
        reason: UnlockedReason::Admin,
    });
    tx.record_by(admin_guard::actor(caller), &mut lock, event).await?;
    tx.commit().await?;
    reset_account(services, &user).await;
    Ok(())
}
