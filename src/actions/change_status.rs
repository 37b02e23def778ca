//! An administrator stops an account or lets it in again: `disabled`, `enabled`.

use watchword_events::{AuthEvent, Disabled, DisabledReason, Enabled, EnabledReason};

use super::Auth;
pub use super::administration::Error;
use super::administration::{self, Danger};
use super::authenticate::Identity;
use crate::domain::ids::UserId;
use crate::domain::origin::Origin;
use crate::domain::session::RevokeReason;
use crate::domain::user::{User, UserStatus};
use crate::domain::version::Expected;

/// Disables an account: no login, no refresh, and every session of it ends. One that is disabled is no change.
///
/// # Errors
/// [`Error`]; nothing is changed then.
pub async fn run_disable(auth: &Auth, origin: &Origin, who: &Identity, target: UserId) -> Result<User, Error> {
    administration::admit(auth, origin, who).await?;
    let mut tx = auth.store.begin(auth.clock.now(), origin).await?;
    let danger = Danger::LastAdministrator;
    let (user, mut lock) = administration::lock(auth, &mut tx, who, target, &Expected::Any, danger).await?;
    if user.status == UserStatus::Disabled {
        return Ok(user);
    }
    administration::keep_one(&mut tx, &user).await?;
    let user = tx.set_status(user.id, UserStatus::Disabled).await?;
    let ended = tx
        .revoke_sessions(user.id, None, RevokeReason::Disabled, &auth.sessions)
        .await?;
    let event = AuthEvent::Disabled(Disabled {
        reason: DisabledReason::Admin,
    });
    tx.record_by(administration::actor(who), &mut lock, event).await?;
    tx.commit().await?;
    auth.gate.invalidate_sessions(&ended).await;
    Ok(user)
}

/// Enables a disabled account. One that is active is no change.
///
/// # Errors
/// [`Error`]; nothing is changed then.
pub async fn run_enable(auth: &Auth, origin: &Origin, who: &Identity, target: UserId) -> Result<User, Error> {
    administration::admit(auth, origin, who).await?;
    let mut tx = auth.store.begin(auth.clock.now(), origin).await?;
    // It may be an administrator's account: whoever has just lost the right must not bring one back, as in a grant.
    let danger = Danger::LastAdministrator;
    let (user, mut lock) = administration::lock(auth, &mut tx, who, target, &Expected::Any, danger).await?;
    if user.status == UserStatus::Active {
        return Ok(user);
    }
    let user = tx.set_status(user.id, UserStatus::Active).await?;
    let event = AuthEvent::Enabled(Enabled {
        reason: EnabledReason::Admin,
    });
    tx.record_by(administration::actor(who), &mut lock, event).await?;
    tx.commit().await?;
    auth.gate.invalidate_user(user.id);
    Ok(user)
}
