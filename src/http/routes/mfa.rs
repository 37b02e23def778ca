//! /auth/mfa: second factors, and the second half of a login.

use poem_openapi::payload::Json;
use poem_openapi::{ApiResponse, Object, OpenApi};
use secrecy::{ExposeSecret as _, SecretString};
use serde::Deserialize;
use uuid::Uuid;

use super::Tag;
use super::body::{Fields, Tokens};
use super::confirmation::{Confirmation, unconfirmed};
use super::refusals::{ALWAYS, BEARER, BODY, refusals};
use crate::actions::{confirm_totp, enrol_totp, read_factors, recovery_codes, remove_totp, verify_mfa};
use crate::domain::second_factor::FactorCode;
use crate::http::api::{Api, failure};
use crate::http::bearer::BearerToken;
use crate::http::middleware::RequestContext;
use crate::http::payload::StrictJson;
use crate::http::problem::{FieldError, Problem, ProblemCode};
use crate::http::timestamp::Timestamp;

/// The user's second factors, without any secret.
#[derive(Object)]
#[oai(rename_all = "camelCase")]
struct FactorList {
    /// The authenticator in use.
    #[oai(skip_serializing_if_is_none)]
    totp: Option<TotpFactor>,
    /// Recovery codes that were not used yet.
    recovery_codes_left: u64,
}

/// An authenticator.
#[derive(Object)]
#[oai(rename_all = "camelCase")]
struct TotpFactor {
    /// Its id; `factorId` in events.
    id: Uuid,
    /// When it was set up.
    created_at: Timestamp,
}

/// What an authenticator is set up with. It is shown once.
#[derive(Object)]
#[oai(rename_all = "camelCase")]
struct Setup {
    /// The factor's id.
    factor_id: Uuid,
    /// The seed in base32, to type in.
    secret: String,
    /// `otpauth://totp/…`, to open on the device itself.
    uri: String,
    /// The same as a picture: `data:image/png;base64,…`.
    qr_code: String,
}

/// The authenticator's first code.
#[derive(Object, Deserialize)]
#[oai(deny_unknown_fields, example)]
#[serde(deny_unknown_fields)]
struct FirstCode {
    /// Six digits.
    #[oai(validator(max_length = 32))]
    code: String,
}

impl poem_openapi::types::Example for FirstCode {
    fn example() -> Self {
        Self {
            code: "123456".to_owned(),
        }
    }
}

/// Recovery codes. They are shown once; each replaces the authenticator at one login.
#[derive(Object)]
#[oai(rename_all = "camelCase")]
struct RecoveryCodeList {
    /// Ten codes.
    recovery_codes: Vec<String>,
}

/// The second half of a login.
#[derive(Object, Deserialize)]
#[oai(rename_all = "camelCase", deny_unknown_fields, example)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct SecondFactor {
    /// `challengeToken` of the problem `mfa_required`.
    #[oai(validator(max_length = 128))]
    challenge_token: String,
    /// The authenticator's six digits, or a recovery code.
    #[oai(validator(max_length = 32))]
    code: String,
}

impl poem_openapi::types::Example for SecondFactor {
    fn example() -> Self {
        Self {
            challenge_token: "wlc_AZLzpH0efDqbIA1fanuMnQ...".to_owned(),
            code: "123456".to_owned(),
        }
    }
}

/// The user's factors.
#[derive(ApiResponse)]
enum Listed {
    /// What logins need beside the password.
    #[oai(status = 200)]
    Ok(Json<FactorList>),
}

/// Set up.
#[derive(ApiResponse)]
enum Offered {
    /// An authenticator that waits for its first code; one that waited before is replaced.
    #[oai(status = 201)]
    Created(Json<Setup>),
}

/// New recovery codes.
#[derive(ApiResponse)]
enum Codes {
    /// Keep them where the authenticator is not.
    #[oai(status = 200)]
    Ok(Json<RecoveryCodeList>),
}

/// Given up.
#[derive(ApiResponse)]
enum Removed {
    /// Logins need the password alone again.
    #[oai(status = 204)]
    Done,
}

/// Signed in.
#[derive(ApiResponse)]
enum LoggedIn {
    /// A new session and its tokens.
    #[oai(status = 200)]
    Ok(Json<Tokens>),
}

refusals! {
    /// Why there is nothing to show.
    ListRefused: [BEARER, ALWAYS], []
}
refusals! {
    /// Why there is no new authenticator.
    EnrolRefused: [BODY, BEARER, ALWAYS], [MfaAlreadyEnrolled, RateLimited, Overloaded]
}
refusals! {
    /// Why nothing changed.
    ConfirmRefused: [BODY, BEARER, ALWAYS], [NotFound, RateLimited]
}
refusals! {
    /// Why nothing changed.
    ChangeRefused: [BODY, BEARER, ALWAYS], [NotFound, RateLimited, Overloaded]
}
refusals! {
    /// Why nobody is signed in.
    VerifyRefused: [BODY, ALWAYS], [InvalidChallenge, InvalidSecondFactor, RateLimited]
}

/// The resource.
pub struct Mfa(pub Api);

#[OpenApi]
impl Mfa {
    /// Show the signed-in user's second factors
    #[oai(
        path = "/auth/mfa",
        method = "get",
        operation_id = "listFactors",
        tag = "Tag::Account"
    )]
    async fn list(&self, context: RequestContext, bearer: BearerToken) -> Result<Listed, ListRefused> {
        let identity = self.0.identify(&context, &bearer).await?;
        let work = self.0.run(
            &context,
            |auth, _| async move { read_factors::run(&auth, &identity).await },
        );
        let factors = work.await?.map_err(failure)?;
        Ok(Listed::Ok(Json(FactorList {
            totp: factors.totp.map(|totp| TotpFactor {
                id: totp.id.as_uuid(),
                created_at: totp.created_at.into(),
            }),
            recovery_codes_left: factors.recovery_codes_left,
        })))
    }

    /// Set up an authenticator
    ///
    /// Asks for the password. Logins stay as they are until the authenticator's first code has come to `/auth/mfa/totp/confirm`.
    /// A wrong password records `auth.user.login_failed`.
    #[oai(
        path = "/auth/mfa/totp",
        method = "post",
        operation_id = "enrolTotp",
        tag = "Tag::Account"
    )]
    async fn enrol(
        &self,
        context: RequestContext,
        bearer: BearerToken,
        body: StrictJson<Confirmation>,
    ) -> Result<Offered, EnrolRefused> {
        let identity = self.0.identify(&context, &bearer).await?;
        let password = body.0.parse()?;
        let work = self.0.run(&context, |auth, origin| async move {
            enrol_totp::run(&auth, &origin, &identity, password).await
        });
        let enrolment = work.await?.map_err(|error| match error {
            enrol_totp::Error::Password(error) => unconfirmed(error, "/password"),
            enrol_totp::Error::AlreadyEnrolled => Problem::new(ProblemCode::MfaAlreadyEnrolled),
        })?;
        Ok(Offered::Created(Json(Setup {
            factor_id: enrolment.factor_id.as_uuid(),
            secret: enrolment.setup.secret.expose_secret().to_owned(),
            uri: enrolment.setup.uri.expose_secret().to_owned(),
            qr_code: enrolment.setup.qr_code.expose_secret().to_owned(),
        })))
    }

    /// Take the authenticator into use
    ///
    /// With its first code. From now on logins need it. Records `auth.user.mfa_enrolled` and `auth.user.recovery_codes_generated`.
    #[oai(
        path = "/auth/mfa/totp/confirm",
        method = "post",
        operation_id = "confirmTotp",
        tag = "Tag::Account"
    )]
    async fn confirm(
        &self,
        context: RequestContext,
        bearer: BearerToken,
        body: StrictJson<FirstCode>,
    ) -> Result<Codes, ConfirmRefused> {
        let identity = self.0.identify(&context, &bearer).await?;
        let mut fields = Fields::default();
        let code = fields.parse::<FactorCode>("/code", &body.0.code);
        let code = fields.finish(code)?;
        let work = self.0.run(&context, |auth, origin| async move {
            confirm_totp::run(&auth, &origin, &identity, code).await
        });
        let codes = work.await?.map_err(|error| match error {
            confirm_totp::Error::NotFound => Problem::new(ProblemCode::NotFound),
            confirm_totp::Error::WrongCode => wrong_code(),
            confirm_totp::Error::SessionEnded => Problem::new(ProblemCode::InvalidToken),
            confirm_totp::Error::Failure(error) => failure(error),
        })?;
        Ok(shown(&codes))
    }

    /// Give up the authenticator
    ///
    /// Asks for the password. Records `auth.user.mfa_removed`, or `auth.user.login_failed` for a wrong password.
    #[oai(
        path = "/auth/mfa/totp",
        method = "delete",
        operation_id = "removeTotp",
        tag = "Tag::Account"
    )]
    async fn remove(
        &self,
        context: RequestContext,
        bearer: BearerToken,
        body: StrictJson<Confirmation>,
    ) -> Result<Removed, ChangeRefused> {
        let identity = self.0.identify(&context, &bearer).await?;
        let password = body.0.parse()?;
        let work = self.0.run(&context, |auth, origin| async move {
            remove_totp::run(&auth, &origin, &identity, password).await
        });
        work.await?.map_err(change_problem)?;
        Ok(Removed::Done)
    }

    /// Make new recovery codes
    ///
    /// Asks for the password; the old codes are of no use any more. Records `auth.user.recovery_codes_generated`, or
    /// `auth.user.login_failed` for a wrong password.
    #[oai(
        path = "/auth/mfa/recovery-codes",
        method = "post",
        operation_id = "generateRecoveryCodes",
        tag = "Tag::Account"
    )]
    async fn generate(
        &self,
        context: RequestContext,
        bearer: BearerToken,
        body: StrictJson<Confirmation>,
    ) -> Result<Codes, ChangeRefused> {
        let identity = self.0.identify(&context, &bearer).await?;
        let password = body.0.parse()?;
        let work = self.0.run(&context, |auth, origin| async move {
            recovery_codes::run(&auth, &origin, &identity, password).await
        });
        Ok(shown(&work.await?.map_err(change_problem)?))
    }

    /// Log in with the second factor
    ///
    /// Goes on where `/auth/login` answered `mfa_required`. Each code is good once, and a challenge for five wrong ones. Records
    /// `auth.user.mfa_verified` or `auth.user.recovery_code_used`, then `auth.user.logged_in`; or `auth.user.mfa_failed`.
    #[oai(
        path = "/auth/mfa/verify",
        method = "post",
        operation_id = "verifyMfa",
        tag = "Tag::Authentication"
    )]
    async fn verify(&self, context: RequestContext, body: StrictJson<SecondFactor>) -> Result<LoggedIn, VerifyRefused> {
        let mut fields = Fields::default();
        let code = fields.parse::<FactorCode>("/code", &body.0.code);
        let input = verify_mfa::Input {
            code: fields.finish(code)?,
            challenge_token: body.0.challenge_token,
        };
        let work = self.0.run(&context, |auth, origin| async move {
            verify_mfa::run(&auth, &origin, input).await
        });
        let pair = work.await?.map_err(|error| match error {
            verify_mfa::Error::InvalidChallenge => Problem::new(ProblemCode::InvalidChallenge),
            verify_mfa::Error::WrongCode => Problem::new(ProblemCode::InvalidSecondFactor),
            verify_mfa::Error::Failure(error) => failure(error),
        })?;
        context.set_user(pair.user.id);
        Ok(LoggedIn::Ok(Json(pair.into())))
    }
}

fn shown(codes: &[SecretString]) -> Codes {
    let recovery_codes = codes.iter().map(|code| code.expose_secret().to_owned()).collect();
    Codes::Ok(Json(RecoveryCodeList { recovery_codes }))
}

fn change_problem(error: recovery_codes::Error) -> Problem {
    match error {
        recovery_codes::Error::Password(error) => unconfirmed(error, "/password"),
        recovery_codes::Error::NotFound => Problem::new(ProblemCode::NotFound),
    }
}

fn wrong_code() -> Problem {
    Problem::validation(vec![FieldError::new(
        "/code",
        "wrong_code",
        "is not the authenticator's code: are both clocks right?",
    )])
}
