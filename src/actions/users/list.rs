//! Lists users in pages, for administrators.

use crate::actions::ActionError::{self, Refused};
use crate::actions::Context;
use crate::actions::sessions::authenticate::Identity;
use crate::domain::ids::{Cursor, UserId};
use crate::store::MAX_COUNTED_USERS;
pub use crate::store::{ListedUser, UserFilter as Filter};

/// Where a page begins.
#[derive(Debug, Clone, Copy)]
pub enum Start {
    /// At the page of this number, from 1.
    Page(u64),
    After(UserId),
}

#[derive(Debug)]
pub struct Page {
    /// Newest first.
    pub users: Vec<ListedUser>,
    /// The number of users in all pages, as far as they are counted.
    pub total: u64,
    /// Whether `total` counts all users.
    pub total_is_exact: bool,
    /// The last user of this page, when another page follows.
    pub next: Option<UserId>,
    /// The end of the ledger before the page was read: later changes come after it.
    pub position: Cursor,
}

#[derive(Debug, thiserror::Error)]
pub enum Refusal {
    #[error("the caller is not an administrator")]
    Forbidden,
    /// Only [`Start::After`] reaches further.
    #[error("the page is too far from the beginning")]
    TooFar,
}

/// List the users that match a filter. Page numbers reach the first 10 000 users: a page costs the
/// reading of all before it.
///
/// # Errors
/// [`Refusal`]
pub async fn run(
    cx: Context,
    caller: Identity,
    filter: Filter,
    start: Start,
    limit: u64,
) -> Result<Page, ActionError<Refusal>> {
    caller.require_admin(Refusal::Forbidden)?;
    let (after, skip) = match start {
        Start::After(user) => (Some(user), 0),
        Start::Page(number) => (None, number.saturating_sub(1).saturating_mul(limit)),
    };
    if skip.saturating_add(limit) > MAX_COUNTED_USERS {
        return Err(Refused(Refusal::TooFar));
    }
    // One user more than requested tells whether another page follows.
    let store = &cx.services.store;
    let ledger = store.ledger();
    let position = Cursor {
        epoch: ledger.epoch().await?,
        seq: ledger.high_watermark().await?,
    };
    let mut found = store.list_users(&filter, after, skip, limit.saturating_add(1)).await?;
    let requested = usize::try_from(limit).unwrap_or(usize::MAX);
    let has_next = found.users.len() > requested;
    found.users.truncate(requested);
    Ok(Page {
        next: found.users.last().filter(|_| has_next).map(|last| last.user.id),
        users: found.users,
        position,
        total: found.count.min(MAX_COUNTED_USERS),
        total_is_exact: found.count <= MAX_COUNTED_USERS,
    })
}
