//! A user changes their own password: `password_changed`, and every session ends with the old one.

use watchword_events::{AuthEvent, PasswordChanged};

use super::Auth;
use super::authenticate::{self, Identity};
use super::confirm_password;
use super::own_words::own_words;
use crate::domain::email;
use crate::domain::origin::Origin;
use crate::domain::password::Password;
use crate::domain::session::RevokeReason;
use crate::domain::text::TextError;

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
    Current(confirm_password::Error),
}

impl<E> From<E> for Error
where
    confirm_password::Error: From<E>,
{
    fn from(error: E) -> Self {
        Self::Current(error.into())
    }
}

/// Changes the password. It is a guess at the current one, and counts as a login.
///
/// # Errors
/// [`Error`]; nothing is changed then, but a wrong password is recorded as `login_failed`.
pub async fn run(auth: &Auth, origin: &Origin, who: &Identity, input: Input) -> Result<(), Error> {
    let user = &who.user;
    let identifier = email::canonical(&user.email);
    let words = own_words(auth, &identifier, user.username.as_deref(), user.name.as_deref());
    auth.passwords.check(&input.new, &words).map_err(Error::Password)?;
    confirm_password::run(auth, origin, who, input.current).await?;
    let hash = auth.hasher.hash(input.new).await?.into_string().into();
    let mut tx = auth.store.begin(auth.clock.now(), origin).await?;
    // Whatever changed the password meanwhile has ended the session too.
    let (user, mut lock) = authenticate::lock(auth, &mut tx, who)
        .await?
        .ok_or(confirm_password::Error::SessionEnded)?;
    tx.set_password(user.id, &hash).await?;
    let ended = tx
        .revoke_sessions(user.id, None, RevokeReason::PasswordChange, &auth.sessions)
        .await?;
    tx.record(&mut lock, AuthEvent::PasswordChanged(PasswordChanged {}))
        .await?;
    tx.commit().await?;
    auth.gate.invalidate_sessions(&ended).await;
    Ok(())
}
