//! Logs in with a password: a new session and `logged_in`, a challenge and `mfa_challenged`, or
//! `login_failed`.
//!
//! Whether the account is unknown, disabled or the password wrong, the client gets the same
//! response for the same work: one hash with the same parameters, the same statements, one recorded
//! event.

use secrecy::{ExposeSecret as _, SecretString};
use watchword_events::{IdentifierHash, LoginFailed, LoginFailedReason};

use super::open;
use crate::actions::ActionError::{self, Refused};
use crate::actions::mfa::challenge::{self, Challenge};
use crate::actions::rate_limits::{charge_password, login_succeeded};
use crate::actions::{Context, TokenPair};
use crate::domain::ids::UserId;
use crate::domain::password::Password;
use crate::domain::session::AuthenticationMethod;
use crate::domain::user::{UserStatus, identifier};
use crate::security::PasswordHash;
use crate::store::Credentials;

/// How often a login is tried when its stored hash changes in between: a concurrent login may have
/// rehashed it.
const MAX_ATTEMPTS: usize = 2;

/// Login credentials as submitted.
pub struct Input {
    /// An email address or a username.
    pub identifier: String,
    pub password: Password,
}

#[derive(Debug, thiserror::Error)]
pub enum Refusal {
    /// Unknown account, wrong password, or an account that may not log in; the client cannot tell
    /// which.
    #[error("the credentials are wrong")]
    InvalidCredentials,
    /// The password is right, and the account has a second factor.
    #[error("the second factor is required")]
    SecondFactorRequired(Challenge),
}

/// Log in.
///
/// # Errors
/// [`Refusal`]; wrong credentials are recorded.
pub async fn run(cx: Context, input: Input) -> Result<TokenPair, ActionError<Refusal>> {
    let services = &cx.services;
    services.hasher.check_room()?;
    let identifier = identifier::canonical(&input.identifier);
    charge_password(&cx, &identifier).await?;
    for _ in 0..MAX_ATTEMPTS {
        let Some(found) = services.store.credentials_by_identifier(&identifier).await? else {
            services.hasher.verify_dummy(input.password).await?;
            return refuse(&cx, &identifier, None, LoginFailedReason::UnknownAccount).await;
        };
        let stored: PasswordHash = found.password_hash.expose_secret().parse()?;
        let verified = services.hasher.verify(input.password.clone(), &stored).await?;
        if !verified.ok {
            let user = Some(found.user.id);
            return refuse(&cx, &identifier, user, LoginFailedReason::WrongPassword).await;
        }
        // A busy hasher is no reason to refuse: the next login rehashes.
        let rehashed = if verified.needs_rehash {
            services.hasher.hash(input.password.clone()).await.ok()
        } else {
            None
        };
        let rehashed = rehashed.map(|hash| hash.into_string().into());
        if let Some(pair) = open_session(&cx, &identifier, &found, rehashed).await? {
            return Ok(pair);
        }
    }
    // The password changes under every attempt.
    refuse(&cx, &identifier, None, LoginFailedReason::WrongPassword).await
}

/// Open the session; `None` when the stored hash is no longer the one that was verified.
async fn open_session(
    cx: &Context,
    identifier: &str,
    found: &Credentials,
    rehashed: Option<SecretString>,
) -> Result<Option<TokenPair>, ActionError<Refusal>> {
    let locked = cx.begin().await?.lock_credentials(found.user.id).await?;
    // Only what is true under the lock counts. The account may have been disabled or deleted; or
    // its password changed, which ended every session, and must not be followed by a session of the
    // old password.
    let (mut tx, hash) = match locked {
        Some((tx, hash)) if tx.user().status == UserStatus::Active => (tx, hash),
        Some((mut tx, _)) => {
            tx.record(login_failed(cx, identifier, LoginFailedReason::Disabled)).await?;
            tx.commit().await?;
            return Err(Refused(Refusal::InvalidCredentials));
        }
        None => return refuse(cx, identifier, None, LoginFailedReason::Disabled).await,
    };
    if hash.expose_secret() != found.password_hash.expose_secret() {
        return Ok(None);
    }
    if let Some(new) = &rehashed {
        tx.rehash_password(&hash, new).await?;
    }
    if tx.user().second_factor {
        let challenge = challenge::run(cx, tx, rehashed.as_ref().unwrap_or(&hash)).await?;
        return Err(Refused(Refusal::SecondFactorRequired(challenge)));
    }
    let pair = open::run(cx, tx, &[AuthenticationMethod::Password]).await?;
    login_succeeded(cx, identifier, &pair.user).await;
    Ok(Some(pair))
}

/// Record `login_failed`, about the user if there is one, at the same cost either way, and refuse.
async fn refuse<T>(
    cx: &Context,
    identifier: &str,
    user: Option<UserId>,
    reason: LoginFailedReason,
) -> Result<T, ActionError<Refusal>> {
    let (mut tx, _) = cx.begin().await?.lock_any(user).await?;
    tx.record(login_failed(cx, identifier, reason)).await?;
    tx.commit().await?;
    Err(Refused(Refusal::InvalidCredentials))
}

fn login_failed(cx: &Context, identifier: &str, reason: LoginFailedReason) -> LoginFailed {
    LoginFailed {
        identifier_hash: IdentifierHash::from_mac(cx.services.secret.identifier_hash(identifier)),
        reason,
        ip: cx.request.ip,
        user_agent: cx.request.user_agent.clone(),
    }
}
