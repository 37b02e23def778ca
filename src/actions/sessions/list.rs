//! Lists the caller's live sessions.

use super::authenticate::Identity;
use crate::actions::{Context, Failure};
use crate::domain::session::Session;

/// List the caller's live sessions, newest first.
///
/// # Errors
/// [`Failure`]
pub async fn run(cx: Context, caller: Identity) -> Result<Vec<Session>, Failure> {
    let (store, policy) = (&cx.services.store, &cx.services.sessions);
    let limit = u64::from(policy.max_per_user);
    Ok(store.live_sessions(caller.user.id, cx.now(), policy, limit).await?)
}
