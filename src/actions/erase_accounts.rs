//! Erasing what is personal of accounts that were deleted long enough ago (ADR 0019). Housekeeping does it; it is no event:
//! subscribers learned of the end of the account from `deleted`.

use time::OffsetDateTime;

use super::{Auth, Failure};
use crate::domain::ids::UserId;
use crate::domain::origin::Origin;

/// Accounts looked at in one call.
const ACCOUNTS: u64 = 100;
/// Events masked in one transaction.
const EVENTS: u64 = 200;

/// What one call did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Erased {
    /// Accounts without personal data now.
    pub accounts: u64,
    /// Accounts with events that are not published yet: for the next time.
    pub waiting: u64,
}

/// Erases accounts that were deleted before `before`, at most a hundred of them.
///
/// # Errors
/// [`Failure`] of the database; what was erased stays erased, and the rest is found again.
pub async fn run(auth: &Auth, before: OffsetDateTime) -> Result<Erased, Failure> {
    let mut erased = Erased::default();
    for user in auth.store.erasable(before, ACCOUNTS).await? {
        if erase(auth, user).await? {
            erased.accounts += 1;
        } else {
            erased.waiting += 1;
        }
    }
    Ok(erased)
}

/// A deleted account gets no new events, so what is masked once is all there is.
async fn erase(auth: &Auth, user: UserId) -> Result<bool, Failure> {
    let origin = Origin::default();
    let mut after = Some(0);
    while let Some(behind) = after {
        let mut tx = auth.store.begin(auth.clock.now(), &origin).await?;
        if tx.has_waiting_events(user).await? {
            return Ok(false);
        }
        after = tx.mask_events(user, behind, EVENTS).await?;
        tx.commit().await?;
    }
    let mut tx = auth.store.begin(auth.clock.now(), &origin).await?;
    tx.erase_user(user).await?;
    tx.commit().await?;
    Ok(true)
}
