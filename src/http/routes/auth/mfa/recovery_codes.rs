//! POST /auth/mfa/recovery-codes.

use poem_openapi::{Object, OpenApi};
use secrecy::{ExposeSecret as _, SecretString};

use crate::actions::mfa::recovery_codes::{self, Refusal};
use crate::http::api::Api;
use crate::http::bearer::BearerToken;
use crate::http::dto::password_confirmation::PasswordConfirmation;
use crate::http::error_responses::{ALWAYS, BEARER, BODY, error_responses};
use crate::http::middleware::RequestContext;
use crate::http::payload::StrictJson;
use crate::http::problem::{Problem, ProblemCode};
use crate::http::responses::Success;
use crate::http::routes::Tag;

/// Recovery codes. They are returned once; each replaces the authenticator at one login.
#[derive(Object)]
#[oai(rename_all = "camelCase")]
pub struct RecoveryCodeList {
    /// Ten codes.
    recovery_codes: Vec<String>,
}

impl From<Vec<SecretString>> for RecoveryCodeList {
    fn from(codes: Vec<SecretString>) -> Self {
        Self {
            recovery_codes: codes.iter().map(|code| code.expose_secret().to_owned()).collect(),
        }
    }
}

error_responses! { GenerateError: [BODY, BEARER, ALWAYS], [NotFound, RateLimited, Overloaded] }

pub struct RecoveryCodeRoutes(pub Api);

#[OpenApi]
impl RecoveryCodeRoutes {
    /// Generate new recovery codes
    ///
    /// Requires the password. The old codes stop working. Records
    /// `auth.user.recovery_codes_generated`, or `auth.user.reauthentication_failed` for a wrong
    /// password.
    #[oai(path = "/auth/mfa/recovery-codes", method = "post", operation_id = "generateRecoveryCodes", tag = "Tag::Mfa")]
    async fn generate(
        &self,
        context: RequestContext,
        bearer: BearerToken,
        body: StrictJson<PasswordConfirmation>,
    ) -> Result<Success<RecoveryCodeList>, GenerateError> {
        let caller = self.0.identify(&context, &bearer).await?;
        let password = body.0.parse()?;
        let codes = self.0.call(&context, |cx| recovery_codes::run(cx, caller, password)).await?;
        Ok(Success::new(codes))
    }
}

impl From<Refusal> for Problem {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::Password(refusal) => refusal.into(),
            Refusal::NoFactor => Self::new(ProblemCode::NotFound),
        }
    }
}
