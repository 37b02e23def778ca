//! Lists events, newest first: all of them for administrators, their own for users.

use crate::actions::ActionError::{self, Refused};
use crate::actions::sessions::authenticate::Identity;
use crate::actions::{Context, Failure};
use crate::domain::ids::EventId;
pub use crate::store::EventFilter as Filter;

#[derive(Debug)]
pub struct Page {
    /// The exact bytes of each event.
    pub events: Vec<Vec<u8>>,
    /// [`Filter::after`] of the next page; `None` on the last one.
    pub next: Option<EventId>,
}

#[derive(Debug, thiserror::Error)]
pub enum Refusal {
    /// The filter names another user; whether that user exists is not said.
    #[error("the events are about another user")]
    OtherUser,
}

/// List the events that match the filter and that the caller may see.
///
/// # Errors
/// [`Refusal`]
pub async fn run(cx: Context, caller: Identity, filter: Filter, limit: u32) -> Result<Page, ActionError<Refusal>> {
    let user = match filter.user {
        user if caller.user.is_admin() => user,
        Some(user) if user != caller.user.id => return Err(Refused(Refusal::OtherUser)),
        _ => Some(caller.user.id),
    };
    Ok(page(&cx, &Filter { user, ..filter }, limit).await?)
}

/// List the events about the caller, also for an administrator.
///
/// # Errors
/// [`Failure`]
pub async fn own(cx: Context, caller: Identity, filter: Filter, limit: u32) -> Result<Page, Failure> {
    let user = Some(caller.user.id);
    page(&cx, &Filter { user, ..filter }, limit).await
}

async fn page(cx: &Context, filter: &Filter, limit: u32) -> Result<Page, Failure> {
    let ledger = cx.services.store.ledger();
    // One event more than the page holds shows whether there is a next page.
    let mut events = ledger.newest(filter, u64::from(limit) + 1).await?;
    let size = usize::try_from(limit).unwrap_or(usize::MAX);
    let more = events.len() > size;
    events.truncate(size);
    let next = events.last().filter(|_| more).map(|last| last.id);
    Ok(Page {
        events: events.into_iter().map(|event| event.payload).collect(),
        next,
    })
}
