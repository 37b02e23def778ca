//! Completes a login with the second factor: `mfa_verified` or `recovery_code_used`, then
//! `logged_in`; or `mfa_failed`.

use secrecy::{ExposeSecret as _, SecretString};
use watchword_events::{AuthEvent, FactorType, MfaFailed, MfaVerified, RecoveryCodeUsed};

use crate::actions::ActionError::{self, Refused};
use crate::actions::rate_limits::{charge_network, login_succeeded};
use crate::actions::sessions::open;
use crate::actions::{Context, Failure, TokenPair};
use crate::domain::ids::{ChallengeId, UserId};
use crate::domain::second_factor::{FactorCode, SealedFactor};
use crate::domain::session::AuthenticationMethod;
use crate::domain::user::UserStatus;
use crate::limits::RateLimit;
use crate::security::{TotpSeed, recovery_code_hash};
use crate::store::UserTx;

/// Wrong codes that end a challenge: there are only a million codes.
const MAX_ATTEMPTS: i32 = 5;

/// What a completed login has verified.
const VERIFIED: [AuthenticationMethod; 3] = [
    AuthenticationMethod::Password,
    AuthenticationMethod::OneTimePassword,
    AuthenticationMethod::MultiFactor,
];

pub struct Input {
    pub challenge_token: String,
    pub code: FactorCode,
}

#[derive(Debug, thiserror::Error)]
pub enum Refusal {
    /// Expired, met, failed too often, or unknown: log in again.
    #[error("the challenge is not open")]
    InvalidChallenge,
    /// Wrong, or used before.
    #[error("the code is wrong")]
    WrongCode,
}

/// Complete the login.
///
/// # Errors
/// [`Refusal`]; a wrong code is recorded.
pub async fn run(cx: Context, input: Input) -> Result<TokenPair, ActionError<Refusal>> {
    let services = &cx.services;
    charge_network(&cx, RateLimit::Code).await?;
    let challenge = services.challenges.parse(&input.challenge_token);
    let challenge = challenge.ok_or(Refused(Refusal::InvalidChallenge))?;
    let user = charge_owner(&cx, challenge).await?;

    let locked = cx.begin().await?.lock_credentials(user).await?;
    let (mut tx, password) = locked.ok_or(Refused(Refusal::InvalidChallenge))?;
    if !is_open(&cx, &mut tx, challenge, &password).await? {
        return Err(Refused(Refusal::InvalidChallenge));
    }
    let factor = tx.second_factor_in_use().await?;
    let factor = factor.ok_or(Refused(Refusal::InvalidChallenge))?;
    let Some(accepted) = accept(&cx, &mut tx, &factor, &input.code).await? else {
        tx.count_attempt(challenge).await?;
        let (factor_id, factor_type) = (factor.id.as_uuid(), FactorType::Totp);
        tx.record(MfaFailed { factor_id, factor_type }).await?;
        tx.commit().await?;
        return Err(Refused(Refusal::WrongCode));
    };
    tx.delete_login_challenge(challenge).await?;
    tx.record(accepted).await?;
    let pair = open::run(&cx, tx, &VERIFIED).await?;
    // A challenge does not keep whether the login came with the address or the username.
    login_succeeded(&cx, pair.user.email.canonical(), &pair.user).await;
    Ok(pair)
}

/// Charge the user of an open challenge: a password gets as many challenges as the limits of logins
/// allow.
async fn charge_owner(cx: &Context, challenge: ChallengeId) -> Result<UserId, ActionError<Refusal>> {
    let (services, now) = (&cx.services, cx.now());
    let found = services.store.login_challenge(challenge).await?;
    // A challenge that has ended must not use up the user's quota.
    let open = found.filter(|found| found.attempts < MAX_ATTEMPTS && found.expires_at > now);
    let user = open.ok_or(Refused(Refusal::InvalidChallenge))?.user_id;
    for limit in [RateLimit::Mfa, RateLimit::MfaDay] {
        let limits = &services.limits;
        limits.charge(limit, &user.to_string(), cx.request.ip, now).await?;
    }
    Ok(user)
}

/// Whether the locked user can still meet the challenge, with the password they have now.
async fn is_open(
    cx: &Context,
    tx: &mut UserTx<'_>,
    challenge: ChallengeId,
    password: &SecretString,
) -> Result<bool, Failure> {
    let Some(challenge) = tx.login_challenge(challenge).await? else {
        return Ok(false);
    };
    let password = cx.services.challenges.password_fingerprint(password.expose_secret());
    Ok(tx.user().status == UserStatus::Active
        && challenge.user_id == tx.user().id
        && challenge.attempts < MAX_ATTEMPTS
        && challenge.expires_at > tx.now()
        && password.as_slice() == challenge.password_mark)
}

/// Use the code up and return the event of it; `None` when the code is wrong.
async fn accept(
    cx: &Context,
    tx: &mut UserTx<'_>,
    factor: &SealedFactor,
    code: &FactorCode,
) -> Result<Option<AuthEvent>, Failure> {
    let (secret, factor_id) = (&cx.services.secret, factor.id.as_uuid());
    match code {
        FactorCode::Totp(code) => {
            let seed = TotpSeed::open(secret, factor.id, &factor.sealed)?;
            let Some(step) = seed.verify(code, cx.now(), factor.last_step) else {
                return Ok(None);
            };
            tx.consume_totp_step(factor.id, step).await?;
            let factor_type = FactorType::Totp;
            Ok(Some(MfaVerified { factor_id, factor_type }.into()))
        }
        FactorCode::Recovery(code) => {
            let hash = recovery_code_hash(secret, factor.user_id, code)?;
            let used = tx.consume_recovery_code(hash).await?;
            let factor_type = FactorType::RecoveryCode;
            Ok(used.then_some(RecoveryCodeUsed { factor_id, factor_type }.into()))
        }
    }
}
