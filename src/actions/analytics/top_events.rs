//! Counts the most frequent events of a time range, for administrators.

use super::most_frequent_first;
use crate::actions::sessions::authenticate::Identity;
use crate::actions::{ActionError, Context};
pub use crate::store::CountFilter;

#[derive(Debug)]
pub struct TopEvents {
    /// Subjects and their counts: the most frequent first, equally frequent ones by name.
    pub counts: Vec<(String, u64)>,
    /// All events of the range, including those that are not listed.
    pub total: u64,
}

#[derive(Debug, thiserror::Error)]
pub enum Refusal {
    #[error("the caller is not an administrator")]
    NotAdmin,
}

/// Count the `limit` most frequent events.
///
/// # Errors
/// [`Refusal`]
pub async fn run(
    cx: Context,
    caller: Identity,
    filter: CountFilter,
    limit: u32,
) -> Result<TopEvents, ActionError<Refusal>> {
    caller.require_admin(Refusal::NotAdmin)?;
    let mut counts = cx.services.store.ledger().count_by_subject(&filter).await?;
    let total = counts.iter().map(|(_, count)| count).sum();
    counts.sort_by(most_frequent_first);
    counts.truncate(usize::try_from(limit).unwrap_or(usize::MAX));
    Ok(TopEvents { counts, total })
}
