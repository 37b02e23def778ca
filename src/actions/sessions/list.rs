//! A user's live sessions.

use super::authenticate::Identity;
use crate::actions::{Failure, Services};
use crate::domain::session::Session;

/// Lists the sessions of a user, newest first.
///
/// # Errors
/// [`Failure`] of the database.
pub async fn run(services: &Services, caller: &Identity) -> Result<Vec<Session>, Failure> {
    let (now, policy) = (services.clock.now(), &services.sessions);
    let most = u64::from(policy.max_per_user);
    Ok(services.store.live_sessions(caller.user.id, now, policy, most).await?)
}
