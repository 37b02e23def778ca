//! Counts the events about one user, for administrators.

use super::most_frequent_first;
use crate::actions::ActionError::{self, Refused};
use crate::actions::Context;
use crate::actions::sessions::authenticate::Identity;
use crate::domain::ids::UserId;
pub use crate::store::UserCounts;

#[derive(Debug, thiserror::Error)]
pub enum Refusal {
    #[error("the caller is not an administrator")]
    NotAdmin,
    /// There never was such a user; deleted users are found.
    #[error("no such user")]
    NotFound,
}

/// Count a user's events by subject: the most frequent first, equally frequent ones by name.
///
/// # Errors
/// [`Refusal`]
pub async fn run(cx: Context, caller: Identity, user: UserId) -> Result<UserCounts, ActionError<Refusal>> {
    caller.require_admin(Refusal::NotAdmin)?;
    let store = &cx.services.store;
    if !store.user_exists(user).await? {
        return Err(Refused(Refusal::NotFound));
    }
    let mut counts = store.ledger().user_counts(user).await?;
    counts.subjects.sort_by(most_frequent_first);
    Ok(counts)
}
