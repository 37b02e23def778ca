//! A user changes their own password: `password_changed`, and every session ends with the old one.

use secrecy::ExposeSecret as _;
use watchword_events::{AuthEvent, LoginFailedReason, PasswordChanged};

use super::authenticate::{self, Identity};
use super::login::record_failure;
use super::own_words::own_words;
use super::{Auth, Failure};
use crate::domain::email;
use crate::domain::origin::Origin;
use crate::domain::password::Password;
use crate::domain::session::RevokeReason;
use crate::domain::text::TextError;
use crate::limits::Limited;
use crate::security::PasswordHash;

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
    /// The current password is not the account's.
    #[error("the password is wrong")]
    WrongPassword,
    /// The new password does not satisfy the policy.
    #[error("the new password {0}")]
    Password(TextError),
    /// The account or the session ended meanwhile.
    #[error("the session has ended")]
    SessionEnded,
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

/// Changes the password. It is a guess at the current one, and counts as a login.
///
/// # Errors
/// [`Error`]; nothing is changed then, but a wrong password is recorded as `login_failed`.
pub async fn run(auth: &Auth, origin: &Origin, who: &Identity, input: Input) -> Result<(), Error> {
    auth.limits
        .reserve_network(Limited::Login, origin.ip, auth.clock.now())
        .await?;
    let found = auth
        .store
        .credentials_by_id(who.user.id)
        .await?
        .ok_or(Error::SessionEnded)?;
    let (user, identifier) = (&found.user, email::canonical(&found.user.email));
    let words = own_words(auth, &identifier, user.username.as_deref(), user.name.as_deref());
    auth.passwords.check(&input.new, &words).map_err(Error::Password)?;
    let stored: PasswordHash = found.password_hash.expose_secret().parse()?;
    if !auth.hasher.verify(input.current, &stored).await?.ok {
        let reason = LoginFailedReason::WrongPassword;
        record_failure(auth, origin, &identifier, Some(user.id), reason).await?;
        return Err(Error::WrongPassword);
    }
    let hash = auth.hasher.hash(input.new).await?.into_string().into();
    let mut tx = auth.store.begin(auth.clock.now(), origin).await?;
    // Whatever changed the password meanwhile has ended the session too.
    let (user, mut lock) = authenticate::lock(auth, &mut tx, who)
        .await?
        .ok_or(Error::SessionEnded)?;
    tx.set_password(user.id, &hash).await?;
    let ended = tx.revoke_sessions(user.id, None, RevokeReason::PasswordChange).await?;
    tx.record(&mut lock, AuthEvent::PasswordChanged(PasswordChanged {}))
        .await?;
    tx.commit().await?;
    auth.gate.ended(&ended).await;
    Ok(())
}
