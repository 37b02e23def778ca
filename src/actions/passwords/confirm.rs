//! Password re-authentication before sensitive operations. It is an attempt at the password, and is
//! charged as a login; a wrong password is recorded as `reauthentication_failed`.

use secrecy::ExposeSecret as _;
use watchword_events::{
    Actor, IdentifierHash, ReauthenticationFailed, ReauthenticationFailedReason, ReauthenticationOperation,
};

use crate::actions::ActionError::{self, Refused};
use crate::actions::rate_limits::charge_password;
use crate::actions::sessions::authenticate::Identity;
use crate::actions::{Context, Failure};
use crate::domain::ids::SessionId;
use crate::domain::password::Password;
use crate::security::PasswordHash;
use crate::store::Credentials;

#[derive(Debug, thiserror::Error)]
pub enum Refusal {
    #[error("the password is wrong")]
    WrongPassword,
    #[error("the caller's session has ended")]
    SessionEnded,
}

/// What a password is required for, and who sent it.
pub(in crate::actions) struct Reauthentication {
    pub operation: ReauthenticationOperation,
    /// The session of the account's owner.
    pub session: Option<SessionId>,
    /// Who sent it, if it was not the account's owner.
    pub actor: Option<Actor>,
}

/// Verify the caller's password; a wrong one is recorded.
///
/// # Errors
/// [`Refusal`]
pub(in crate::actions) async fn run(
    cx: &Context,
    caller: &Identity,
    password: Password,
    operation: ReauthenticationOperation,
) -> Result<(), ActionError<Refusal>> {
    let found = cx.services.store.credentials_by_id(caller.user.id).await?;
    let found = found.ok_or(Refused(Refusal::SessionEnded))?;
    let session = Some(caller.session_id);
    let reauthentication = Reauthentication { operation, session, actor: None };
    if is_password_of(cx, &found, password, reauthentication).await? {
        Ok(())
    } else {
        Err(Refused(Refusal::WrongPassword))
    }
}

/// Whether a password is the account's. The attempt is charged first; a wrong password is recorded.
///
/// # Errors
/// [`Failure`]
pub(in crate::actions) async fn is_password_of(
    cx: &Context,
    found: &Credentials,
    password: Password,
    reauthentication: Reauthentication,
) -> Result<bool, Failure> {
    let identifier = found.user.email.canonical();
    charge_password(cx, identifier).await?;
    let stored: PasswordHash = found.password_hash.expose_secret().parse()?;
    if cx.services.hasher.verify(password, &stored).await?.ok {
        return Ok(true);
    }
    let failed = ReauthenticationFailed {
        operation: reauthentication.operation,
        reason: ReauthenticationFailedReason::WrongPassword,
        session_id: reauthentication.session.map(SessionId::as_uuid),
        identifier_hash: IdentifierHash::from_mac(cx.services.secret.identifier_hash(identifier)),
        ip: cx.request.ip,
        user_agent: cx.request.user_agent.clone(),
    };
    let (mut tx, _) = cx.begin().await?.lock_any(Some(found.user.id)).await?;
    tx.record_as(reauthentication.actor, failed).await?;
    tx.commit().await?;
    Ok(false)
}
