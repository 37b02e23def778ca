//! Login with a password: a new session and `logged_in`, a challenge and `mfa_challenged`, or `login_failed`.
//!
//! Whether the account is unknown, disabled or the password wrong, a client sees the same answer after the same work: one hash
//! with the same parameters, the same statements, one recorded event.

use secrecy::{ExposeSecret as _, SecretString};
use watchword_events::{AuthEvent, AuthMethod, IdentifierHash, LoginFailed, LoginFailedReason};

use super::open;
use crate::actions::mfa::challenge::{self, Challenge};
use crate::actions::rate_limits::{charge_password, login_succeeded};
use crate::actions::{Failure, Services, TokenPair};
use crate::domain::ids::UserId;
use crate::domain::password::Password;
use crate::domain::request_metadata::RequestMetadata;
use crate::domain::user::{UserStatus, email};
use crate::security::PasswordHash;
use crate::store::Credentials;

/// How often a password is looked at whose stored hash changes meanwhile: another login may hash it anew.
const TRIES: usize = 2;

/// Who says they are whom.
pub struct Input {
    /// An email address or a username, as typed.
    pub identifier: String,
    /// The password.
    pub password: Password,
}

/// Why nobody is logged in.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Unknown account, wrong password or an account that may not log in: the caller can't tell which.
    #[error("the credentials are wrong")]
    InvalidCredentials,
    /// The password is right, and the account asks for more.
    #[error("the second factor is required")]
    SecondFactorRequired(Challenge),
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

/// Logs in.
///
/// # Errors
/// [`Error`]; a refusal is recorded, a failure changes nothing.
pub async fn run(services: &Services, request: &RequestMetadata, input: Input) -> Result<TokenPair, Error> {
    let identifier = email::canonical(&input.identifier);
    charge_password(services, request, &identifier).await?;
    for _ in 0..TRIES {
        let Some(found) = services.store.credentials_by_identifier(&identifier).await? else {
            services.hasher.verify_dummy(input.password).await?;
            return refuse(services, request, &identifier, None, LoginFailedReason::UnknownAccount).await;
        };
        let stored: PasswordHash = found.password_hash.expose_secret().parse()?;
        let verified = services.hasher.verify(input.password.clone(), &stored).await?;
        if !verified.ok {
            let user = Some(found.user.id);
            return refuse(services, request, &identifier, user, LoginFailedReason::WrongPassword).await;
        }
        // A busy pool is no reason to refuse: the next login rehashes.
        let rehashed = if verified.needs_rehash {
            services.hasher.hash(input.password.clone()).await.ok()
        } else {
            None
        };
        let rehashed = rehashed.map(|hash| hash.into_string().into());
        if let Some(pair) = open(services, request, &identifier, &found, rehashed).await? {
            return Ok(pair);
        }
    }
    // Somebody changes the password all the time.
    refuse(services, request, &identifier, None, LoginFailedReason::WrongPassword).await
}

/// Opens the session; nothing when the password has another hash than the one that was looked at.
async fn open(
    services: &Services,
    request: &RequestMetadata,
    identifier: &str,
    found: &Credentials,
    rehashed: Option<SecretString>,
) -> Result<Option<TokenPair>, Error> {
    let mut tx = services.store.begin(services.clock.now(), request).await?;
    // What counts is what is there under the lock: disabling or deleting the account may have come first, or a new password, which
    // ends every session and must not be followed by one of the old password's.
    let (user, lock) = match tx.lock_credentials(found.user.id).await? {
        Some((now, lock)) if now.user.status == UserStatus::Active => {
            if now.password_hash.expose_secret() != found.password_hash.expose_secret() {
                return Ok(None);
            }
            (now.user, lock)
        }
        other => {
            let failed = login_failed(services, request, identifier, LoginFailedReason::Disabled);
            tx.record_about(other.map(|(_, lock)| lock), failed).await?;
            tx.commit().await?;
            return Err(Error::InvalidCredentials);
        }
    };
    if let Some(new) = &rehashed {
        tx.rehash_password(user.id, &found.password_hash, new).await?;
    }
    if user.second_factor {
        let password = rehashed.as_ref().unwrap_or(&found.password_hash);
        return Err(Error::SecondFactorRequired(
            challenge::run(services, tx, lock, &user, password).await?,
        ));
    }
    let pair = open::run(services, request, tx, lock, user, vec![AuthMethod::Pwd]).await?;
    login_succeeded(services, request, identifier, &pair.user).await;
    Ok(Some(pair))
}

/// Records a refusal and answers it.
async fn refuse(
    services: &Services,
    request: &RequestMetadata,
    identifier: &str,
    user: Option<UserId>,
    reason: LoginFailedReason,
) -> Result<TokenPair, Error> {
    record_failure(services, request, identifier, user, reason).await?;
    Err(Error::InvalidCredentials)
}

/// Records `login_failed`, about the user when there is one.
pub(in crate::actions) async fn record_failure(
    services: &Services,
    request: &RequestMetadata,
    identifier: &str,
    user: Option<UserId>,
    reason: LoginFailedReason,
) -> Result<(), Failure> {
    let failed = login_failed(services, request, identifier, reason);
    let mut tx = services.store.begin(services.clock.now(), request).await?;
    let locked = tx.lock_user(user.unwrap_or(UserId::NIL)).await?;
    tx.record_about(locked.map(|(_, lock)| lock), failed).await?;
    Ok(tx.commit().await?)
}

fn login_failed(
    services: &Services,
    request: &RequestMetadata,
    identifier: &str,
    reason: LoginFailedReason,
) -> AuthEvent {
    AuthEvent::LoginFailed(LoginFailed {
        identifier_hash: IdentifierHash::from_mac(services.secret.identifier_hash(identifier)),
        reason,
        ip: request.ip,
        user_agent: request.user_agent.clone(),
        attempts: None,
    })
}
