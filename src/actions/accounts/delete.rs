//! Deletes the caller's own account: `deleted`, and every session ends.

use watchword_events::{AccountStatus, Deleted, DeletedReason, ReauthenticationOperation, SessionRevokedReason};

use crate::actions::ActionError::{self, Refused};
use crate::actions::Context;
use crate::actions::error::widen;
use crate::actions::passwords::confirm;
use crate::actions::sessions::authenticate::{self, Identity};
use crate::actions::sessions::ended;
use crate::domain::password::Password;
use crate::domain::session::RevokeReason;
use crate::store::UserTx;

#[derive(Debug, thiserror::Error)]
pub enum Refusal {
    #[error(transparent)]
    Password(#[from] confirm::Refusal),
    #[error("the last active administrator")]
    LastAdministrator,
}

/// Delete the account.
///
/// # Errors
/// [`Refusal`]; nothing has changed then. A wrong password is recorded as
/// `reauthentication_failed`.
pub async fn run(cx: Context, caller: Identity, password: Password) -> Result<(), ActionError<Refusal>> {
    let operation = ReauthenticationOperation::DeleteAccount;
    confirm::run(&cx, &caller, password, operation).await.map_err(widen)?;
    let mut tx = lock(&cx, &caller).await?;
    if tx.user().is_admin() && !tx.another_admin_exists().await? {
        return Err(Refused(Refusal::LastAdministrator));
    }
    let ended = tx.revoke_sessions(None, RevokeReason::Deleted, &cx.services.sessions).await?;
    tx.delete_user().await?;
    let deleted = |ended_session_ids| Deleted {
        reason: DeletedReason::User,
        status: AccountStatus::Deleted,
        ended_session_ids,
    };
    ended::record(&mut tx, None, &ended, SessionRevokedReason::Deleted, deleted).await?;
    tx.commit().await?;
    cx.services.session_cache.invalidate_sessions(&ended).await;
    Ok(())
}

/// Lock the caller, with the admin guard if they are an administrator.
async fn lock<'a>(cx: &'a Context, caller: &Identity) -> Result<UserTx<'a>, ActionError<Refusal>> {
    let mut guarded = caller.user.is_admin();
    loop {
        let mut tx = cx.begin().await?;
        if guarded {
            tx.guard_admins().await?;
        }
        let tx = authenticate::lock(cx, tx, caller).await?;
        let tx = tx.ok_or(Refused(confirm::Refusal::SessionEnded.into()))?;
        if guarded || !tx.user().is_admin() {
            return Ok(tx);
        }
        // An administrator since a moment ago: again with the guard, which comes before the lock.
        guarded = true;
    }
}
