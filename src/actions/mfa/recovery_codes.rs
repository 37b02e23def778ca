//! Generates new recovery codes in place of the old ones: `recovery_codes_generated`.

use secrecy::SecretString;
use watchword_events::{FactorType, ReauthenticationOperation, RecoveryCodesGenerated};

use crate::actions::ActionError::{self, Refused};
use crate::actions::error::widen;
use crate::actions::passwords::confirm;
use crate::actions::sessions::authenticate::{self, Identity};
use crate::actions::{Context, Failure};
use crate::domain::password::Password;
use crate::domain::second_factor::SealedFactor;
use crate::security::RecoveryCodes;
use crate::store::UserTx;

#[derive(Debug, thiserror::Error)]
pub enum Refusal {
    #[error(transparent)]
    Password(#[from] confirm::Refusal),
    #[error("the user has no second factor")]
    NoFactor,
}

/// Generate the codes.
///
/// # Errors
/// [`Refusal`]; nothing has changed then. A wrong password is recorded as
/// `reauthentication_failed`.
pub async fn run(cx: Context, caller: Identity, password: Password) -> Result<Vec<SecretString>, ActionError<Refusal>> {
    let operation = ReauthenticationOperation::GenerateRecoveryCodes;
    confirm::run(&cx, &caller, password, operation).await.map_err(widen)?;
    let (mut tx, factor) = lock_factor(&cx, &caller).await?;
    let codes = replace(&cx, &mut tx, &factor).await?;
    tx.commit().await?;
    Ok(codes)
}

/// Lock the caller, who has a second factor in use.
///
/// # Errors
/// [`Refusal`]
pub(super) async fn lock_factor<'a>(
    cx: &'a Context,
    caller: &Identity,
) -> Result<(UserTx<'a>, SealedFactor), ActionError<Refusal>> {
    let mut tx = authenticate::lock_caller(cx, caller, confirm::Refusal::SessionEnded.into()).await?;
    let factor = tx.second_factor_in_use().await?;
    Ok((tx, factor.ok_or(Refused(Refusal::NoFactor))?))
}

/// Replace the recovery codes of the locked user.
///
/// # Errors
/// [`Failure`]
pub(super) async fn replace(
    cx: &Context,
    tx: &mut UserTx<'_>,
    factor: &SealedFactor,
) -> Result<Vec<SecretString>, Failure> {
    let codes = RecoveryCodes::generate(&cx.services.secret, factor.user_id, &*cx.services.random)?;
    tx.set_recovery_codes(&codes.hashes).await?;
    let generated = RecoveryCodesGenerated {
        factor_id: factor.id.as_uuid(),
        factor_type: FactorType::Totp,
    };
    tx.record(generated).await?;
    Ok(codes.texts)
}
