//! A user's live sessions.

use super::authenticate::Identity;
use super::{Auth, Failure};
use crate::domain::session::{Session, SessionState};

/// Lists the sessions of a user, newest first.
///
/// # Errors
/// [`Failure`] of the database.
pub async fn run(auth: &Auth, who: &Identity) -> Result<Vec<Session>, Failure> {
    let now = auth.clock.now();
    let mut sessions = auth
        .store
        .live_sessions(who.user.id, now, u64::from(auth.sessions.max_per_user))
        .await?;
    sessions.retain(|session| session.state(now, &auth.sessions) == SessionState::Active);
    Ok(sessions)
}
