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
    /// Accounts that could not be erased. The others do not wait for them.
    pub failed: u64,
}

/// Erase accounts that were deleted longer ago than `age`.
///
/// # Errors
/// [`Failure`] when they cannot be listed; what was erased stays erased, and the next call finds
/// the rest.
pub async fn run(cx: &Context, age: Duration) -> Result<Erased, Failure> {
    let before = cx.now().checked_sub(age).unwrap_or(OffsetDateTime::UNIX_EPOCH);
    let mut erased = Erased::default();
    let mut after = None;
    loop {
        let accounts = cx.services.store.erasable(before, after, ACCOUNT_BATCH_SIZE).await?;
        for account in &accounts {
            match erase(cx, account.user).await {
                Ok(true) => erased.accounts += 1,
                Ok(false) => erased.waiting += 1,
                Err(failure) => {
                    erased.failed += 1;
                    tracing::error!(user_id = %account.user, error = %failure, "account could not be erased; retrying later");
                }
            }
        }
        after = accounts.last().copied();
        if after.is_none() {
            return Ok(erased);
        }
    }
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
