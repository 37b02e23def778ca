//! What happened to one user how often. For administrators.

use crate::actions::sessions::authenticate::Identity;
use crate::actions::{Failure, Services};
use crate::domain::ids::UserId;
pub use crate::store::UserCounts;

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Only administrators see everybody's events.
    #[error("not an administrator")]
    Forbidden,
    /// There never was such a user.
    #[error("no such user")]
    NotFound,
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

/// The number of a user's events of each subject, the most frequent first, equal ones by name; deleted users included.
///
/// # Errors
/// [`Error`].
pub async fn run(services: &Services, caller: &Identity, user: UserId) -> Result<UserCounts, Error> {
    if !caller.user.is_admin() {
        return Err(Error::Forbidden);
    }
    if !services.store.knows_user(user).await? {
        return Err(Error::NotFound);
    }
    let mut counts = services.store.ledger().count_of_user(user).await?;
    counts
        .subjects
        .sort_by(|(a, more), (b, less)| less.cmp(more).then_with(|| a.cmp(b)));
    Ok(counts)
}
