//! The second factor of a login: `mfa_verified` or `recovery_code_used`, then `logged_in`; or `mfa_failed`.

use secrecy::ExposeSecret as _;
use watchword_events::{AuthEvent, AuthMethod, FactorType, MfaFailed, MfaVerified, RecoveryCodeUsed};

use super::attempts::password_accepted;
use super::open_session;
use super::{Auth, Failure, TokenPair};
use crate::domain::email;
use crate::domain::ids::ChallengeId;
use crate::domain::origin::Origin;
use crate::domain::second_factor::{FactorCode, SealedFactor};
use crate::domain::user::UserStatus;
use crate::limits::Limited;
use crate::security::{TotpSeed, recovery_code_hash};
use crate::store::{Credentials, Tx};

/// Wrong codes after which a challenge is of no use: there are a million codes.
const MOST_ATTEMPTS: i32 = 5;

/// Who goes on with a login, and the code.
pub struct Input {
    /// The token of the challenge.
    pub challenge_token: String,
    /// What was typed.
    pub code: FactorCode,
}

/// Why nobody is logged in.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The challenge is over, was met, had too many wrong codes, or never was: log in again.
    #[error("the challenge is not open")]
    InvalidChallenge,
    /// The code is wrong, or was used before.
    #[error("the code is wrong")]
    WrongCode,
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

/// Ends the login.
///
/// # Errors
/// [`Error`]; a wrong code is recorded, a failure changes nothing.
pub async fn run(auth: &Auth, origin: &Origin, input: Input) -> Result<TokenPair, Error> {
    auth.limits
        .reserve_network(Limited::Code, origin.ip, auth.clock.now())
        .await?;
    let challenge = auth
        .challenges
        .parse(&input.challenge_token)
        .ok_or(Error::InvalidChallenge)?;
    let now = auth.clock.now();
    let found = auth.store.login_challenge(challenge).await?;
    // What is over must not use up the user's tries.
    let open = found.filter(|found| found.attempts < MOST_ATTEMPTS && found.expires_at > now);
    let user_id = open.ok_or(Error::InvalidChallenge)?.user_id;
    // Per user, since whoever knows the password gets as many challenges as the logins' limits allow.
    for limited in [Limited::Mfa, Limited::MfaDay] {
        auth.limits
            .reserve(limited, &user_id.to_string(), origin.ip, now)
            .await?;
    }
    let mut tx = auth.store.begin(auth.clock.now(), origin).await?;
    let (credentials, mut lock) = tx.lock_credentials(user_id).await?.ok_or(Error::InvalidChallenge)?;
    if !is_open(auth, &mut tx, challenge, &credentials).await? {
        return Err(Error::InvalidChallenge);
    }
    let user = credentials.user;
    let in_use = tx.second_factor_in_use(user.id).await?;
    let factor = in_use.ok_or(Error::InvalidChallenge)?;
    let factor_id = factor.id.as_uuid();
    let Some(event) = accepted(auth, &mut tx, &factor, &input.code).await? else {
        tx.count_attempt(challenge).await?;
        let factor_type = FactorType::Totp;
        tx.record(&mut lock, AuthEvent::MfaFailed(MfaFailed { factor_id, factor_type }))
            .await?;
        tx.commit().await?;
        return Err(Error::WrongCode);
    };
    tx.end_login_challenge(challenge).await?;
    tx.record(&mut lock, event).await?;
    let amr = vec![AuthMethod::Pwd, AuthMethod::Otp, AuthMethod::Mfa];
    let pair = open_session::run(auth, origin, tx, lock, user, amr).await?;
    // Whether the login came with the address or the username is not known any more.
    password_accepted(auth, origin, &email::canonical(&pair.user.email), &pair.user).await;
    Ok(pair)
}

/// Whether the challenge can still be met by the locked user, with the password that there is now.
async fn is_open(auth: &Auth, tx: &mut Tx<'_>, challenge: ChallengeId, now: &Credentials) -> Result<bool, Failure> {
    let Some(challenge) = tx.login_challenge(challenge).await? else {
        return Ok(false);
    };
    let password = auth.challenges.password_fingerprint(now.password_hash.expose_secret());
    Ok(now.user.status == UserStatus::Active
        && challenge.user_id == now.user.id
        && challenge.attempts < MOST_ATTEMPTS
        && challenge.expires_at > tx.now()
        && password.as_slice() == challenge.password_mark)
}

/// Uses the code up; answers what happened, nothing when the code is not good.
async fn accepted(
    auth: &Auth,
    tx: &mut Tx<'_>,
    factor: &SealedFactor,
    code: &FactorCode,
) -> Result<Option<AuthEvent>, Failure> {
    let factor_id = factor.id.as_uuid();
    match code {
        FactorCode::Totp(code) => {
            let seed = TotpSeed::open(&auth.secret, factor.id, &factor.sealed)?;
            let Some(step) = seed.verify(code, auth.clock.now(), factor.last_step) else {
                return Ok(None);
            };
            tx.use_step(factor.id, step).await?;
            let factor_type = FactorType::Totp;
            Ok(Some(AuthEvent::MfaVerified(MfaVerified { factor_id, factor_type })))
        }
        FactorCode::Recovery(code) => {
            let hash = recovery_code_hash(&auth.secret, factor.user_id, code)?;
            let used = tx.use_recovery_code(factor.user_id, hash).await?;
            let factor_type = FactorType::RecoveryCode;
            Ok(used.then_some(AuthEvent::RecoveryCodeUsed(RecoveryCodeUsed { factor_id, factor_type })))
        }
    }
}
