//! An administrator lifts what failed logins have brought upon an account: `unlocked`.

use watchword_events::{AuthEvent, IdentifierHash, Unlocked, UnlockedReason};

use super::Auth;
pub use super::administration::Error;
use super::administration::{self, Danger};
use super::authenticate::Identity;
use crate::domain::email;
use crate::domain::ids::UserId;
use crate::domain::origin::Origin;
use crate::domain::version::Expected;
use crate::limits::Limited;

/// Forgets how often somebody tried to log in to an account, by its address or its username. What networks tried still counts.
///
/// # Errors
/// [`Error`]; nothing is forgotten then.
pub async fn run(auth: &Auth, origin: &Origin, who: &Identity, target: UserId) -> Result<(), Error> {
    administration::admit(auth, who).await?;
    let mut tx = auth.store.begin(auth.clock.now(), origin).await?;
    let (user, mut lock) = administration::lock(auth, &mut tx, who, target, &Expected::Any, Danger::None).await?;
    let event = AuthEvent::Unlocked(Unlocked {
        reason: UnlockedReason::Admin,
    });
    tx.record_by(administration::actor(who), &mut lock, event).await?;
    tx.commit().await?;
    for identifier in [Some(user.email), user.username].into_iter().flatten() {
        // Redis and its logs see no addresses.
        let hash = IdentifierHash::from_mac(auth.secret.identifier_hash(&email::canonical(&identifier)));
        auth.limits.forget(Limited::Login, &hash.to_string()).await;
    }
    Ok(())
}
