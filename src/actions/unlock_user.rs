//! An administrator lifts what failed logins have brought upon an account: `unlocked`.

use watchword_events::{AuthEvent, Unlocked, UnlockedReason};

use super::Auth;
pub use super::administration::Error;
use super::administration::{self, Danger};
use super::attempts::forget_tries;
use super::authenticate::Identity;
use crate::domain::ids::UserId;
use crate::domain::origin::Origin;
use crate::domain::version::Expected;

/// Forgets how often somebody tried to log in to an account, by its address or its username. What networks tried still counts.
///
/// # Errors
/// [`Error`]; nothing is forgotten then.
pub async fn run(auth: &Auth, origin: &Origin, who: &Identity, target: UserId) -> Result<(), Error> {
    administration::admit(auth, origin, who).await?;
    let mut tx = auth.store.begin(auth.clock.now(), origin).await?;
    let (user, mut lock) = administration::lock(auth, &mut tx, who, target, &Expected::Any, Danger::None).await?;
    let event = AuthEvent::Unlocked(Unlocked {
        reason: UnlockedReason::Admin,
    });
    tx.record_by(administration::actor(who), &mut lock, event).await?;
    tx.commit().await?;
    forget_tries(auth, &user).await;
    Ok(())
}
