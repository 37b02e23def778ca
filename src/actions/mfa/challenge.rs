//! Challenges a login whose password was right for the second factor: `mfa_challenged`.

use secrecy::{ExposeSecret as _, SecretString};
use watchword_events::{FactorType, MfaChallenged};

use crate::actions::{Context, Failure};
use crate::domain::ids::{ChallengeId, FactorId};
use crate::domain::second_factor::{FactorKind, UsableFactor};
use crate::store::{LoginChallenge, StoreError, UserTx};

/// What [`verify`](super::verify) needs beside the code.
#[derive(Debug)]
pub struct Challenge {
    /// Stands for the password that was right.
    pub token: SecretString,
    /// Seconds until it expires.
    pub expires_in: u64,
    /// What completes the login, the usual factor first.
    pub factors: Vec<UsableFactor>,
}

/// Store the challenge and commit. The user is locked, has a second factor, and this password.
///
/// # Errors
/// [`Failure`]
pub(in crate::actions) async fn run(
    cx: &Context,
    mut tx: UserTx<'_>,
    password: &SecretString,
) -> Result<Challenge, Failure> {
    let services = &cx.services;
    let factor = tx
        .second_factor_in_use()
        .await?
        .ok_or(StoreError::Corrupt { table: "users", column: "second_factor" })?;
    let ttl = services.second_factors.challenge_ttl;
    let challenge = LoginChallenge {
        id: ChallengeId::new_v7(tx.now(), &*services.random),
        user_id: tx.user().id,
        password_mark: services.challenges.password_fingerprint(password.expose_secret()).to_vec(),
        attempts: 0,
        expires_at: tx.now() + ttl,
    };
    let token = services.challenges.token(challenge.id);
    tx.insert_login_challenge(challenge).await?;
    let challenged = MfaChallenged {
        factor_id: factor.id.as_uuid(),
        factor_type: FactorType::Totp,
    };
    tx.record(challenged).await?;
    let factors = usable(&mut tx, factor.id).await?;
    tx.commit().await?;
    Ok(Challenge {
        token,
        expires_in: ttl.whole_seconds().unsigned_abs(),
        factors,
    })
}

/// The authenticator, and the recovery codes unless all are used.
async fn usable(tx: &mut UserTx<'_>, authenticator: FactorId) -> Result<Vec<UsableFactor>, StoreError> {
    let mut factors = vec![UsableFactor { kind: FactorKind::Totp, id: Some(authenticator) }];
    if tx.has_recovery_code().await? {
        factors.push(UsableFactor { kind: FactorKind::RecoveryCode, id: None });
    }
    Ok(factors)
}
