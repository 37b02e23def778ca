//! A user changes their own password: `password_changed`, and every session ends with the old one.

use watchword_events::{AuthEvent, PasswordChanged};

use super::confirm;
use super::user_inputs::password_user_inputs;
use crate::actions::Services;
use crate::actions::sessions::authenticate::{self, Identity};
use crate::domain::password::Password;
use crate::domain::request_metadata::RequestMetadata;
use crate::domain::session::RevokeReason;
use crate::domain::text::TextError;
use crate::domain::user::email;

/// The passwords.
pub struct Input {
    /// The one that is to be replaced.
    pub current: Password,
    /// The new one, not checked against the policy yet.
    pub new: Password,
}

/// Why the password is still the old one.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The new password does not satisfy the policy.
    #[error("the new password {0}")]
    Password(TextError),
    /// The current password was not confirmed.
    #[error(transparent)]
    Current(confirm::Error),
}

impl<E> From<E> for Error
where
    confirm::Error: From<E>,
{
    fn from(error: E) -> Self {
        Self::Current(error.into())
    }
}

/// Changes the password. It is a guess at the current one, and counts as a login.
///
/// # Errors
/// [`Error`]; nothing is changed then, but a wrong password is recorded as `login_failed`.
pub async fn run(services: &Services, request: &RequestMetadata, caller: &Identity, input: Input) -> Result<(), Error> {
    let user = &caller.user;
    let identifier = email::canonical(&user.email);
    let words = password_user_inputs(services, &identifier, user.username.as_deref(), user.name.as_deref());
    services.passwords.check(&input.new, &words).map_err(Error::Password)?;
    confirm::run(services, request, caller, input.current).await?;
    let hash = services.hasher.hash(input.new).await?.into_string().into();
    let mut tx = services.store.begin(services.clock.now(), request).await?;
    // Whatever changed the password meanwhile has ended the session too.
    let (user, mut lock) = authenticate::lock(services, &mut tx, caller)
        .await?
        .ok_or(confirm::Error::SessionEnded)?;
    tx.set_password(user.id, &hash).await?;
    let ended = tx
        .revoke_sessions(user.id, None, RevokeReason::PasswordChange, &services.sessions)
        .await?;
    tx.record(&mut lock, AuthEvent::PasswordChanged(PasswordChanged {}))
        .await?;
    tx.commit().await?;
    services.gate.ended(&ended).await;
    Ok(())
}
