//! A user's live sessions.

use super::authenticate::Identity;
use super::{Auth, Failure};
use crate::domain::session::Session;

/// Lists the sessions of a user, newest first.
///
/// # Errors
/// [`Failure`] of the database.
pub async fn run(auth: &Auth, who: &Identity) -> Result<Vec<Session>, Failure> {
    let (now, policy) = (auth.clock.now(), &auth.sessions);
    let most = u64::from(policy.max_per_user);
    Ok(auth.store.live_sessions(who.user.id, now, policy, most).await?)
}
