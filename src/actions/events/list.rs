//! Lists events in the order of the ledger: all of them for administrators, their own for users.

use crate::actions::ActionError::{self, Refused};
use crate::actions::Context;
use crate::actions::sessions::authenticate::Identity;
use crate::domain::ids::{Cursor, ForeignCursor};
use crate::store::PageRequest;
pub use crate::store::{EventFilter as Filter, EventOrder as Order};

/// What to list.
#[derive(Debug, Default)]
pub struct Input {
    pub filter: Filter,
    pub order: Order,
    /// [`Page::next`] of the previous page.
    pub after: Option<Cursor>,
    pub limit: u32,
}

#[derive(Debug)]
pub struct Page {
    /// The exact bytes of each event.
    pub events: Vec<Vec<u8>>,
    /// [`Input::after`] of the next page; `None` on the last one.
    pub next: Option<Cursor>,
    /// The end of the ledger when the page was read.
    pub position: Cursor,
}

#[derive(Debug, thiserror::Error)]
pub enum Refusal {
    /// The filter names another user; whether that user exists is not said.
    #[error("the events are about another user")]
    OtherUser,
    #[error(transparent)]
    Cursor(#[from] ForeignCursor),
}

/// List the events that match the filter and that the caller may see.
///
/// # Errors
/// [`Refusal`]
pub async fn run(cx: Context, caller: Identity, input: Input) -> Result<Page, ActionError<Refusal>> {
    let user = match input.filter.user {
        user if caller.user.is_admin() => user,
        Some(user) if user != caller.user.id => return Err(Refused(Refusal::OtherUser)),
        _ => Some(caller.user.id),
    };
    let filter = Filter { user, ..input.filter };
    page(&cx, Input { filter, ..input }).await
}

/// List the events about the caller, also for an administrator.
///
/// # Errors
/// [`Refusal`]
pub async fn own(cx: Context, caller: Identity, input: Input) -> Result<Page, ActionError<Refusal>> {
    let filter = Filter { user: Some(caller.user.id), ..input.filter };
    page(&cx, Input { filter, ..input }).await
}

async fn page(cx: &Context, input: Input) -> Result<Page, ActionError<Refusal>> {
    let ledger = cx.services.store.ledger();
    let after = match input.after {
        Some(after) => Some(ledger.resolve(after).await?.map_err(|foreign| Refused(foreign.into()))?),
        None => None,
    };
    let end = ledger.settled().await?;
    let request = PageRequest {
        order: input.order,
        after,
        end,
        // One event more than the page holds shows whether there is a next page.
        limit: u64::from(input.limit) + 1,
    };
    let mut events = ledger.page(&input.filter, request).await?;
    let size = usize::try_from(input.limit).unwrap_or(usize::MAX);
    let more = events.len() > size;
    events.truncate(size);
    let epoch = ledger.epoch().await?;
    let next = events.last().filter(|_| more).map(|last| Cursor { epoch, seq: last.seq });
    Ok(Page {
        events: events.into_iter().map(|event| event.payload).collect(),
        next,
        position: Cursor { epoch, seq: end },
    })
}
