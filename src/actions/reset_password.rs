//! A new password for whoever has a mailed code: `password_reset_completed`, and every session ends with the old one.

use watchword_events::{AuthEvent, PasswordResetCompleted};

use super::attempts::owner_proven;
use super::codes::{self, Reader};
use super::own_words::own_words;
use super::remove_totp::mfa_removed;
use super::{Auth, Failure};
use crate::domain::code::{CodePurpose, OneTimeCode};
use crate::domain::email;
use crate::domain::origin::Origin;
use crate::domain::password::Password;
use crate::domain::session::RevokeReason;
use crate::domain::text::TextError;
use crate::limits::Limited;

/// The code and what it is used for.
pub struct Input {
    /// The code from the mail.
    pub code: OneTimeCode,
    /// The new password, not checked against the policy yet.
    pub password: Password,
}

/// Why the password is still the old one.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Unknown, used, replaced by a newer one or too old: the caller can't tell which.
    #[error("the code is not valid")]
    InvalidCode,
    /// The new password does not satisfy the policy; the code is still good.
    #[error("the new password {0}")]
    Password(TextError),
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

const PURPOSE: CodePurpose = CodePurpose::PasswordReset;

/// Sets the new password.
///
/// # Errors
/// [`Error`]; nothing is changed then.
pub async fn run(auth: &Auth, origin: &Origin, input: Input) -> Result<(), Error> {
    let now = auth.clock.now();
    auth.limits.reserve_network(Limited::Code, origin.ip, now).await?;
    // Looked at first, so that nobody makes the service hash without a code.
    let found = codes::find(auth, PURPOSE, &input.code, now)
        .await?
        .ok_or(Error::InvalidCode)?;
    let (user, identifier) = (&found.owner.user, email::canonical(&found.owner.user.email));
    let words = own_words(auth, &identifier, user.username.as_deref(), user.name.as_deref());
    auth.passwords.check(&input.password, &words).map_err(Error::Password)?;
    let hash = auth.hasher.hash(input.password).await?.into_string().into();

    let mut tx = auth.store.begin(auth.clock.now(), origin).await?;
    let (credentials, mut lock) = tx.lock_credentials(user.id).await?.ok_or(Error::InvalidCode)?;
    if !codes::redeem(auth, &mut tx, PURPOSE, &input.code, &Reader::of(&credentials)).await? {
        return Err(Error::InvalidCode);
    }
    tx.set_password(user.id, &hash).await?;
    // Whoever made the account without the mailbox must not keep its owner out with an authenticator.
    let taken_back = if credentials.user.email_verified {
        None
    } else {
        tx.second_factor_in_use(user.id).await?
    };
    let ended = tx
        .revoke_sessions(user.id, None, RevokeReason::PasswordReset, &auth.sessions)
        .await?;
    tx.record(&mut lock, AuthEvent::PasswordResetCompleted(PasswordResetCompleted {}))
        .await?;
    if let Some(factor) = taken_back {
        tx.remove_second_factor(user.id).await?;
        tx.record(&mut lock, mfa_removed(&factor)).await?;
    }
    tx.commit().await?;
    auth.gate.invalidate_sessions(&ended).await;
    // Who has the mailbox is the owner: strangers who use up the account's tries do not keep them out here.
    owner_proven(auth, origin, user).await;
    Ok(())
}
