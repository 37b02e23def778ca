//! An administrator ends all sessions of a user: one `session_revoked` each.

use watchword_events::{AuthEvent, SessionRevoked, SessionRevokedReason};

use super::Auth;
pub use super::administration::Error;
use super::administration::{self, Danger};
use super::authenticate::Identity;
use crate::domain::ids::UserId;
use crate::domain::origin::Origin;
use crate::domain::session::RevokeReason;
use crate::domain::version::Expected;

/// Ends every session of a user, the caller's own one too when it is theirs. No session is no change.
///
/// # Errors
/// [`Error`]; nothing is changed then.
pub async fn run(auth: &Auth, origin: &Origin, who: &Identity, target: UserId) -> Result<(), Error> {
    administration::admit(auth, origin, who).await?;
    let mut tx = auth.store.begin(auth.clock.now(), origin).await?;
    let (user, mut lock) = administration::lock(auth, &mut tx, who, target, &Expected::Any, Danger::None).await?;
    let ended = tx
        .revoke_sessions(user.id, None, RevokeReason::Admin, &auth.sessions)
        .await?;
    if ended.is_empty() {
        return Ok(());
    }
    for session in &ended {
        let event = AuthEvent::SessionRevoked(SessionRevoked {
            session_id: session.as_uuid(),
            reason: SessionRevokedReason::Admin,
        });
        tx.record_by(administration::actor(who), &mut lock, event).await?;
    }
    tx.commit().await?;
    auth.gate.invalidate_sessions(&ended).await;
    Ok(())
}
