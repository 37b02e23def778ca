//! Which events happen most. For administrators.

use crate::actions::sessions::authenticate::Identity;
use crate::actions::{Failure, Services};
pub use crate::store::CountFilter;

/// What happened how often.
#[derive(Debug)]
pub struct Top {
    /// Subjects and their numbers, the most frequent first, equal ones by name.
    pub events: Vec<(String, u64)>,
    /// All events of the range, also those that are not among the first.
    pub total: u64,
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Only administrators see everybody's events.
    #[error("not an administrator")]
    Forbidden,
    /// Try later.
    #[error(transparent)]
    Failure(#[from] Failure),
}

/// The `limit` most frequent events of a range.
///
/// # Errors
/// [`Error`].
pub async fn run(services: &Services, caller: &Identity, counted: &CountFilter, limit: usize) -> Result<Top, Error> {
    if !caller.user.is_admin() {
        return Err(Error::Forbidden);
    }
    let counts = services.store.ledger().count_by_subject(counted).await;
    let mut events = counts.map_err(Failure::from)?;
    let total = events.iter().map(|(_, count)| count).sum();
    events.sort_by(|(a, more), (b, less)| less.cmp(more).then_with(|| a.cmp(b)));
    events.truncate(limit);
    Ok(Top { events, total })
}
