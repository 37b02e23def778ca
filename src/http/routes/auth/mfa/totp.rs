//! POST /auth/mfa/totp, /auth/mfa/totp/confirm and /auth/mfa/totp/remove.

use poem_openapi::{Object, OpenApi};
use secrecy::ExposeSecret as _;
use serde::Deserialize;
use uuid::Uuid;

use super::recovery_codes::RecoveryCodeList;
use crate::actions::mfa::{activate_totp, enroll_totp, remove_totp};
use crate::http::api::Api;
use crate::http::bearer::BearerToken;
use crate::http::dto::password_confirmation::PasswordConfirmation;
use crate::http::error_responses::{ALWAYS, BEARER, BODY, error_responses};
use crate::http::fields::only_field;
use crate::http::middleware::RequestContext;
use crate::http::payload::StrictJson;
use crate::http::problem::{FieldError, Problem, ProblemCode};
use crate::http::responses::{Created, NoContent, Success};
use crate::http::routes::Tag;

/// What an authenticator is set up with. It is returned once.
#[derive(Object)]
#[oai(rename_all = "camelCase")]
struct TotpSetup {
    /// ID of the factor.
    factor_id: Uuid,
    /// The seed in base32, to type in.
    secret: String,
    /// `otpauth://totp/…`, to open on the device itself.
    uri: String,
    /// The same as a QR code: `data:image/png;base64,…`.
    qr_code: String,
}

impl From<enroll_totp::Enrollment> for TotpSetup {
    fn from(enrollment: enroll_totp::Enrollment) -> Self {
        let setup = &enrollment.setup;
        Self {
            factor_id: enrollment.factor_id.as_uuid(),
            secret: setup.secret.expose_secret().to_owned(),
            uri: setup.uri.expose_secret().to_owned(),
            qr_code: setup.qr_code.expose_secret().to_owned(),
        }
    }
}

/// The authenticator's first code.
#[derive(Object, Deserialize)]
#[oai(deny_unknown_fields, example)]
#[serde(deny_unknown_fields)]
struct TotpConfirmation {
    /// Six digits.
    #[oai(validator(max_length = 32))]
    code: String,
}

impl poem_openapi::types::Example for TotpConfirmation {
    fn example() -> Self {
        Self { code: "123456".to_owned() }
    }
}

error_responses! { EnrollError: [BODY, BEARER, ALWAYS], [MfaAlreadyEnrolled, RateLimited, Overloaded] }
error_responses! { ActivateError: [BODY, BEARER, ALWAYS], [NotFound, RateLimited] }
error_responses! { RemoveError: [BODY, BEARER, ALWAYS], [NotFound, RateLimited, Overloaded] }

pub struct TotpRoutes(pub Api);

#[OpenApi]
impl TotpRoutes {
    /// Enroll an authenticator
    ///
    /// Requires the password. Logins stay as they are until its first code reaches
    /// `/auth/mfa/totp/confirm`; an older pending authenticator is replaced. A wrong password
    /// records `auth.user.reauthentication_failed`.
    #[oai(path = "/auth/mfa/totp", method = "post", operation_id = "enrollTotp", tag = "Tag::Mfa")]
    async fn enroll(
        &self,
        context: RequestContext,
        bearer: BearerToken,
        body: StrictJson<PasswordConfirmation>,
    ) -> Result<Created<TotpSetup>, EnrollError> {
        let caller = self.0.identify(&context, &bearer).await?;
        let password = body.0.parse()?;
        let enrollment = self.0.call(&context, |cx| enroll_totp::run(cx, caller, password)).await?;
        Ok(Created::new(enrollment, self.0.path_of("/auth/mfa")))
    }

    /// Activate the authenticator
    ///
    /// Takes its first code; from now on logins need it. Returns the recovery codes. Records
    /// `auth.user.mfa_enrolled` and `auth.user.recovery_codes_generated`.
    #[oai(path = "/auth/mfa/totp/confirm", method = "post", operation_id = "confirmTotp", tag = "Tag::Mfa")]
    async fn activate(
        &self,
        context: RequestContext,
        bearer: BearerToken,
        body: StrictJson<TotpConfirmation>,
    ) -> Result<Success<RecoveryCodeList>, ActivateError> {
        let caller = self.0.identify(&context, &bearer).await?;
        let code = only_field("/code", body.0.code.parse())?;
        let codes = self.0.call(&context, |cx| activate_totp::run(cx, caller, code)).await?;
        Ok(Success::new(codes))
    }

    /// Remove the authenticator
    ///
    /// Requires the password. Logins need the password alone again. Records
    /// `auth.user.mfa_removed`, or `auth.user.reauthentication_failed` for a wrong password.
    #[oai(path = "/auth/mfa/totp/remove", method = "post", operation_id = "removeTotp", tag = "Tag::Mfa")]
    async fn remove(
        &self,
        context: RequestContext,
        bearer: BearerToken,
        body: StrictJson<PasswordConfirmation>,
    ) -> Result<NoContent, RemoveError> {
        let caller = self.0.identify(&context, &bearer).await?;
        let password = body.0.parse()?;
        self.0.call(&context, |cx| remove_totp::run(cx, caller, password)).await?;
        Ok(NoContent::Done)
    }
}

impl From<enroll_totp::Refusal> for Problem {
    fn from(refusal: enroll_totp::Refusal) -> Self {
        match refusal {
            enroll_totp::Refusal::Password(refusal) => refusal.into(),
            enroll_totp::Refusal::AlreadyEnrolled => Self::new(ProblemCode::MfaAlreadyEnrolled),
        }
    }
}

impl From<activate_totp::Refusal> for Problem {
    fn from(refusal: activate_totp::Refusal) -> Self {
        match refusal {
            activate_totp::Refusal::NotPending => Self::new(ProblemCode::NotFound),
            activate_totp::Refusal::WrongCode => {
                let detail = "is not the authenticator's code; check that both clocks are right";
                FieldError::new("/code", "wrong_code", detail).into()
            }
            activate_totp::Refusal::SessionEnded => Self::new(ProblemCode::InvalidToken),
        }
    }
}
