//! Users in pages, for administrators.

use crate::actions::sessions::authenticate::Identity;
use crate::actions::{Failure, Services};
use crate::domain::ids::UserId;
use crate::domain::user::User;
use crate::store::MAX_COUNTED_USERS;
pub use crate::store::UserFilter as Filter;

/// Which part of the list.
#[derive(Debug, Clone, Copy)]
pub enum Place {
    /// This many pages from its beginning, from 1.
    Page(u64),
    /// Behind this user.
    After(UserId),
}

/// A part of the list.
#[derive(Debug)]
pub struct Page {
    /// Newest first.
    pub users: Vec<User>,
    /// How many there are in all, as far as they are counted.
    pub total: u64,
    /// Whether that is all of them.
    pub total_is_exact: bool,
    /// The last of them, when there are more behind it.
    pub next: Option<UserId>,
}

/// Why there is no page.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Only administrators see everybody.
    #[error("not an administrator")]
    Forbidden,
    /// So far only `after` leads.
    #[error("the page is too far from the beginning")]
    TooFar,
    /// Try later.
    #[error(transparent)]
    Failure(Failure),
}

impl<E> From<E> for Error
where
    Failure: From<E>,
{
    fn from(error: E) -> Self {
        Self::Failure(error.into())
    }
}

/// The users of a filter. A page by number lies within the first 10 000 users: further on, every page would read all before it.
///
/// # Errors
/// [`Error`].
pub async fn run(
    services: &Services,
    caller: &Identity,
    filter: Filter,
    place: Place,
    limit: u64,
) -> Result<Page, Error> {
    if !caller.user.is_admin() {
        return Err(Error::Forbidden);
    }
    let (after, skip) = match place {
        Place::After(user) => (Some(user), 0),
        Place::Page(number) => (None, number.saturating_sub(1).saturating_mul(limit)),
    };
    if skip.saturating_add(limit) > MAX_COUNTED_USERS {
        return Err(Error::TooFar);
    }
    // One more than asked for says whether there is a next page.
    let mut people = services
        .store
        .list_users(&filter, after, skip, limit.saturating_add(1))
        .await?;
    let wanted = usize::try_from(limit).unwrap_or(usize::MAX);
    let more = people.users.len() > wanted;
    people.users.truncate(wanted);
    Ok(Page {
        next: people.users.last().filter(|_| more).map(|last| last.id),
        users: people.users,
        total: people.count.min(MAX_COUNTED_USERS),
        total_is_exact: people.count <= MAX_COUNTED_USERS,
    })
}
