//! A login whose password was right waits for the second factor: `mfa_challenged`.

use secrecy::{ExposeSecret as _, SecretString};
use watchword_events::{AuthEvent, FactorType, MfaChallenged};

use super::{Auth, Failure};
use crate::domain::ids::ChallengeId;
use crate::domain::user::User;
use crate::store::{LoginChallenge, StoreError, Tx, UserLock};

/// What [`verify_mfa`](super::verify_mfa) asks for, beside the code.
#[derive(Debug)]
pub struct Challenge {
    /// Stands for the password that was right.
    pub token: SecretString,
    /// Seconds until it is of no use.
    pub expires_in: u64,
}

/// Keeps the challenge and commits. The user is locked, has a second factor, and this password.
pub(super) async fn run(
    auth: &Auth,
    mut tx: Tx<'_>,
    mut lock: UserLock,
    user: &User,
    password: &SecretString,
) -> Result<Challenge, Failure> {
    let factor = tx.second_factor_in_use(user.id).await?.ok_or(StoreError::Corrupt {
        table: "users",
        column: "second_factor",
    })?;
    let ttl = auth.second_factors.challenge_ttl;
    let challenge = LoginChallenge {
        id: ChallengeId::new_v7(tx.now(), &*auth.random),
        user_id: user.id,
        password_mark: auth.challenges.password_fingerprint(password.expose_secret()).to_vec(),
        attempts: 0,
        expires_at: tx.now() + ttl,
    };
    let token = auth.challenges.token(challenge.id);
    tx.insert_login_challenge(challenge).await?;
    let challenged = MfaChallenged {
        factor_id: factor.id.as_uuid(),
        factor_type: FactorType::Totp,
    };
    tx.record(&mut lock, AuthEvent::MfaChallenged(challenged)).await?;
    tx.commit().await?;
    Ok(Challenge {
        token,
        expires_in: ttl.whole_seconds().unsigned_abs(),
    })
}
