//! Pages of the ledger, newest first: an administrator's of everybody's events, a user's of their own.

use crate::actions::sessions::authenticate::Identity;
use crate::actions::{Failure, Services};
use crate::domain::ids::{EventId, UserId};
pub use crate::store::EventFilter as Filter;

/// A part of a list.
#[derive(Debug)]
pub struct Page {
    /// The exact bytes of each event.
    pub events: Vec<Vec<u8>>,
    /// The last of them, when there are more behind it: the next page's [`Filter::after`].
    pub next: Option<EventId>,
}

/// Why there is no page.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Events of somebody else were asked for; whether there is such a user is not said.
    #[error("these are not the user's own events")]
    Forbidden,
    /// Try later.
    #[error(transparent)]
    Failure(#[from] Failure),
}

/// The events of a filter that the caller may see.
///
/// # Errors
/// [`Error`].
pub async fn run(services: &Services, caller: &Identity, filter: Filter, limit: u64) -> Result<Page, Error> {
    let user = match filter.user {
        asked if caller.user.is_admin() => asked,
        Some(asked) if asked != caller.user.id => return Err(Error::Forbidden),
        _ => Some(caller.user.id),
    };
    Ok(page(services, &Filter { user, ..filter }, limit).await?)
}

/// The caller's own events, whoever they are.
///
/// # Errors
/// [`Failure`] of the database.
pub async fn run_own(services: &Services, caller: &Identity, filter: Filter, limit: u64) -> Result<Page, Failure> {
    let user: Option<UserId> = Some(caller.user.id);
    page(services, &Filter { user, ..filter }, limit).await
}

async fn page(services: &Services, filter: &Filter, limit: u64) -> Result<Page, Failure> {
    // One more than asked for says whether there is a next page.
    let mut events = services.store.ledger().newest(filter, limit.saturating_add(1)).await?;
    let wanted = usize::try_from(limit).unwrap_or(usize::MAX);
    let more = events.len() > wanted;
    events.truncate(wanted);
    let next = events.last().filter(|_| more).map(|last| last.id);
    Ok(Page {
        events: events.into_iter().map(|event| event.payload).collect(),
        next,
    })
}
