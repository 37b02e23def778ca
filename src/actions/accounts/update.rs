//! Changes the caller's own account: `email_changed`, `username_changed`, `updated`. Email and
//! account type are for administrators.

use super::change::{self, Change};
use crate::actions::ActionError::{self, Refused};
use crate::actions::Context;
use crate::actions::error::widen;
use crate::actions::rate_limits::charge_user;
use crate::actions::sessions::authenticate::{self, Identity};
use crate::domain::user::User;
use crate::domain::user::version::Expected;
use crate::limits::RateLimit;

#[derive(Debug, thiserror::Error)]
pub enum Refusal {
    /// Only administrators change these fields.
    #[error("the caller may not change the email address or the account type")]
    Forbidden,
    #[error("the caller's session has ended")]
    SessionEnded,
    #[error("the user is not of an expected version")]
    Stale,
    #[error(transparent)]
    Change(#[from] change::Refusal),
}

/// Change the caller's account. An update that changes nothing records no event.
///
/// # Errors
/// [`Refusal`]; nothing has changed then.
pub async fn run(
    cx: Context,
    caller: Identity,
    expected: Expected,
    change: Change,
) -> Result<User, ActionError<Refusal>> {
    if change.email.is_some() || change.account_type.is_some() {
        return Err(Refused(Refusal::Forbidden));
    }
    charge_user(&cx, &caller, RateLimit::Change).await?;
    let mut tx = authenticate::lock_caller(&cx, &caller, Refusal::SessionEnded).await?;
    if !expected.is_met_by(tx.user()) {
        return Err(Refused(Refusal::Stale));
    }
    if !change::apply(&cx, &mut tx, change, None).await.map_err(widen)? {
        return Ok(tx.unchanged());
    }
    let user = tx.commit().await?;
    cx.services.session_cache.invalidate_user(user.id);
    Ok(user)
}
