//! Changes the caller's password: `password_changed`, and every session ends with the old password.

use watchword_events::{PasswordChanged, ReauthenticationOperation, SessionRevokedReason};

use super::confirm;
use super::user_inputs::password_user_inputs;
use crate::actions::ActionError::{self, Refused};
use crate::actions::Context;
use crate::actions::error::widen;
use crate::actions::sessions::authenticate::{self, Identity};
use crate::actions::sessions::ended;
use crate::domain::password::Password;
use crate::domain::session::RevokeReason;
use crate::domain::text::TextError;

pub struct Input {
    pub current: Password,
    /// Not checked against the policy yet.
    pub new: Password,
}

#[derive(Debug, thiserror::Error)]
pub enum Refusal {
    #[error("the new password {0}")]
    NewPassword(TextError),
    #[error(transparent)]
    CurrentPassword(#[from] confirm::Refusal),
}

/// Change the password. It is an attempt at the current one, and is charged as a login.
///
/// # Errors
/// [`Refusal`]; nothing has changed then. A wrong password is recorded as
/// `reauthentication_failed`.
pub async fn run(cx: Context, caller: Identity, input: Input) -> Result<(), ActionError<Refusal>> {
    let (services, user) = (&cx.services, &caller.user);
    let words = password_user_inputs(&cx, &user.email, user.username.as_ref(), user.name.as_ref());
    let allowed = services.passwords.check(&input.new, &words);
    allowed.map_err(|error| Refused(Refusal::NewPassword(error)))?;
    let operation = ReauthenticationOperation::ChangePassword;
    confirm::run(&cx, &caller, input.current, operation).await.map_err(widen)?;
    let hash = services.hasher.hash(input.new).await?.into_string().into();
    // A concurrent change of the password has ended this session too.
    let mut tx = authenticate::lock_caller(&cx, &caller, confirm::Refusal::SessionEnded.into()).await?;
    let ended = tx.revoke_sessions(None, RevokeReason::PasswordChange, &services.sessions).await?;
    tx.set_password(&hash).await?;
    let changed = |ended_session_ids| PasswordChanged { ended_session_ids };
    ended::record(&mut tx, None, &ended, SessionRevokedReason::PasswordChange, changed).await?;
    tx.commit().await?;
    services.session_cache.invalidate_sessions(&ended).await;
    Ok(())
}
