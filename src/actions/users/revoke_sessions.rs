//! An administrator ends all sessions of a user: one `session_revoked` each.

use watchword_events::{AuthEvent, SessionRevoked, SessionRevokedReason};

pub use super::admin_guard::Error;
use super::admin_guard::{self, AdminGuard};
use crate::actions::Services;
use crate::actions::sessions::authenticate::Identity;
use crate::domain::ids::UserId;
use crate::domain::request_metadata::RequestMetadata;
use crate::domain::session::RevokeReason;
use crate::domain::user::version::Expected;

/// Ends every session of a user, the caller's own one too when it is theirs. No session is no change.
///
/// # Errors
/// [`Error`]; nothing is changed then.
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
    let ended = tx
        .revoke_sessions(user.id, None, RevokeReason::Admin, &services.sessions)
        .await?;
    if ended.is_empty() {
        return Ok(());
    }
    for session in &ended {
        let event = AuthEvent::SessionRevoked(SessionRevoked {
            session_id: session.as_uuid(),
            reason: SessionRevokedReason::Admin,
        });
        tx.record_by(admin_guard::actor(caller), &mut lock, event).await?;
    }
    tx.commit().await?;
    services.gate.ended(&ended).await;
    Ok(())
}
