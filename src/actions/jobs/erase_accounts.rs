//! Erases the personal data of accounts that were deleted long enough ago (ADR 0019). Records
//! nothing: subscribers learned of the end of the account from `deleted`.

use time::{Duration, OffsetDateTime};

use crate::actions::{Context, Failure};
use crate::domain::ids::{LedgerSeq, UserId};

/// Accounts that one call looks for.
const ACCOUNT_BATCH_SIZE: u64 = 100;
/// Events that one transaction masks.
const EVENT_BATCH_SIZE: u64 = 200;

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Erased {
    pub accounts: u64,
    /// Accounts that were not, since events about them are still to be published.
    pub waiting: u64,
}

/// Erase accounts that were deleted longer ago than `age`, at most a hundred of them.
///
/// # Errors
/// [`Failure`]; what was erased stays erased, and the next call finds the rest.
pub async fn run(cx: &Context, age: Duration) -> Result<Erased, Failure> {
    let before = cx.now().checked_sub(age).unwrap_or(OffsetDateTime::UNIX_EPOCH);
    let mut erased = Erased::default();
    for user in cx.services.store.erasable(before, ACCOUNT_BATCH_SIZE).await? {
        if erase(cx, user).await? {
            erased.accounts += 1;
        } else {
            erased.waiting += 1;
        }
    }
    Ok(erased)
}

/// Erase an account; false while it has to wait. A deleted account gets no new events, so one pass
/// over them is enough.
async fn erase(cx: &Context, user: UserId) -> Result<bool, Failure> {
    let mut next = Some(LedgerSeq::default());
    while let Some(after) = next {
        let mut tx = cx.begin_system().await?;
        if tx.has_unpublished_events(user).await? {
            return Ok(false);
        }
        next = tx.mask_events(user, after, EVENT_BATCH_SIZE).await?;
        tx.commit().await?;
    }
    let mut tx = cx.begin_system().await?;
    tx.erase_user(user).await?;
    tx.commit().await?;
    Ok(true)
}
