//! Enrolls an authenticator. It is pending until its first code activates it
//! ([`activate_totp`](super::activate_totp)).

use watchword_events::ReauthenticationOperation;

use crate::actions::ActionError::{self, Refused};
use crate::actions::Context;
use crate::actions::error::widen;
use crate::actions::passwords::confirm;
use crate::actions::sessions::authenticate::Identity;
use crate::domain::ids::FactorId;
use crate::domain::password::Password;
use crate::security::{TotpSeed, TotpSetup};

/// A pending authenticator.
pub struct Enrollment {
    pub factor_id: FactorId,
    /// What the user enters into the authenticator. It is returned once.
    pub setup: TotpSetup,
}

#[derive(Debug, thiserror::Error)]
pub enum Refusal {
    #[error(transparent)]
    Password(#[from] confirm::Refusal),
    #[error("an authenticator is in use")]
    AlreadyEnrolled,
}

/// Generate a seed and store it encrypted, in place of an older pending one. Nothing about the user
/// changes yet, so nothing is recorded.
///
/// # Errors
/// [`Refusal`]; nothing has changed then. A wrong password is recorded as
/// `reauthentication_failed`.
pub async fn run(cx: Context, caller: Identity, password: Password) -> Result<Enrollment, ActionError<Refusal>> {
    let operation = ReauthenticationOperation::EnrollTotp;
    confirm::run(&cx, &caller, password, operation).await.map_err(widen)?;
    let (services, now) = (&cx.services, cx.now());
    let factor_id = FactorId::new_v7(now, &*services.random);
    let seed = TotpSeed::generate(&*services.random);
    let setup = seed.setup(&services.second_factors.issuer, caller.user.email.as_str())?;
    let sealed = seed.seal(&services.secret, factor_id, &*services.random)?;
    let stored = services.store.upsert_pending_factor(factor_id, caller.user.id, sealed, now).await?;
    if stored {
        Ok(Enrollment { factor_id, setup })
    } else {
        Err(Refused(Refusal::AlreadyEnrolled))
    }
}
