//! POST /auth/password/change, /auth/password/forgot and /auth/password/reset.

use poem_openapi::{Object, OpenApi};
use serde::Deserialize;

use crate::actions::passwords::{change, confirm, forgot, reset};
use crate::domain::one_time_code::OneTimeCode;
use crate::domain::password::Password;
use crate::http::api::Api;
use crate::http::bearer::BearerToken;
use crate::http::dto::one_time_code::invalid_code;
use crate::http::dto::password_confirmation::wrong_password;
use crate::http::error_responses::{ALWAYS, BEARER, BODY, error_responses};
use crate::http::fields::{Fields, field_error, only_field};
use crate::http::middleware::RequestContext;
use crate::http::payload::StrictJson;
use crate::http::problem::{Problem, ProblemCode};
use crate::http::responses::{Accepted, NoContent};
use crate::http::routes::Tag;

/// The current password and the new one.
#[derive(Object, Deserialize)]
#[oai(rename_all = "camelCase", deny_unknown_fields, example)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct ChangePasswordRequest {
    /// The account's current password.
    #[oai(validator(max_length = 128))]
    current_password: String,
    /// 8 to 128 characters, unless configured otherwise; no rules about their kinds.
    #[oai(validator(max_length = 128))]
    new_password: String,
}

impl poem_openapi::types::Example for ChangePasswordRequest {
    fn example() -> Self {
        Self {
            current_password: "password123!x".to_owned(),
            new_password: "quiet harbour 52".to_owned(),
        }
    }
}

/// The account whose password was forgotten.
#[derive(Object, Deserialize)]
#[oai(rename_all = "camelCase", deny_unknown_fields, example)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct ForgotPasswordRequest {
    /// The address of the account.
    #[oai(validator(max_length = 254))]
    email: String,
}

impl poem_openapi::types::Example for ForgotPasswordRequest {
    fn example() -> Self {
        Self { email: "test@example.com".to_owned() }
    }
}

/// A mailed code and the new password.
#[derive(Object, Deserialize)]
#[oai(rename_all = "camelCase", deny_unknown_fields, example)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct ResetPasswordRequest {
    /// The code from the email.
    #[oai(validator(max_length = 64))]
    code: String,
    /// 8 to 128 characters, unless configured otherwise; no rules about their kinds.
    #[oai(validator(max_length = 128))]
    new_password: String,
}

impl poem_openapi::types::Example for ResetPasswordRequest {
    fn example() -> Self {
        Self {
            code: super::email::EXAMPLE_CODE.to_owned(),
            new_password: "quiet harbour 52".to_owned(),
        }
    }
}

error_responses! { ChangeError: [BODY, BEARER, ALWAYS], [RateLimited, Overloaded] }
error_responses! { ForgotError: [BODY, ALWAYS], [RateLimited, MailNotConfigured] }
error_responses! { ResetError: [BODY, ALWAYS], [InvalidCode, RateLimited, Overloaded] }

pub struct Passwords(pub Api);

#[OpenApi]
impl Passwords {
    /// Change the caller's password
    ///
    /// Requires the current password, and ends every session, this one included. Records
    /// `auth.user.password_changed`, or `auth.user.reauthentication_failed` for a wrong password.
    #[oai(path = "/auth/password/change", method = "post", operation_id = "changePassword", tag = "Tag::Account")]
    async fn change(
        &self,
        context: RequestContext,
        bearer: BearerToken,
        body: StrictJson<ChangePasswordRequest>,
    ) -> Result<NoContent, ChangeError> {
        let caller = self.0.identify(&context, &bearer).await?;
        let mut fields = Fields::default();
        let current = fields.take("/currentPassword", Password::parse(&body.0.current_password));
        let new = fields.take("/newPassword", Password::parse(&body.0.new_password));
        let input = current.zip(new);
        let input = input.map(|(current, new)| change::Input { current, new });
        let input = fields.finish(input)?;
        self.0.call(&context, |cx| change::run(cx, caller, input)).await?;
        Ok(NoContent::Done)
    }

    /// Request a password reset
    ///
    /// Mails a code to the address if an account has it; the response does not tell. Records
    /// `auth.user.password_reset_requested`.
    #[oai(
        path = "/auth/password/forgot",
        method = "post",
        operation_id = "forgotPassword",
        tag = "Tag::Authentication"
    )]
    async fn forgot(
        &self,
        context: RequestContext,
        body: StrictJson<ForgotPasswordRequest>,
    ) -> Result<Accepted, ForgotError> {
        let email = only_field("/email", body.0.email.parse())?;
        self.0.call(&context, |cx| forgot::run(cx, email)).await?;
        Ok(Accepted::Accepted)
    }

    /// Reset the password
    ///
    /// Takes a mailed code, and ends every session. The code works once, for 30 minutes unless
    /// configured otherwise, until a newer one is mailed or the password changes. Records
    /// `auth.user.password_reset_completed`.
    #[oai(path = "/auth/password/reset", method = "post", operation_id = "resetPassword", tag = "Tag::Authentication")]
    async fn reset(
        &self,
        context: RequestContext,
        body: StrictJson<ResetPasswordRequest>,
    ) -> Result<NoContent, ResetError> {
        let password = only_field("/newPassword", Password::parse(&body.0.new_password))?;
        let code = OneTimeCode::parse(&body.0.code).ok_or_else(invalid_code)?;
        let input = reset::Input { code, password };
        self.0.call(&context, |cx| reset::run(cx, input)).await?;
        Ok(NoContent::Done)
    }
}

impl From<change::Refusal> for Problem {
    fn from(refusal: change::Refusal) -> Self {
        match refusal {
            change::Refusal::NewPassword(error) => field_error("/newPassword", error).into(),
            change::Refusal::CurrentPassword(confirm::Refusal::WrongPassword) => wrong_password("/currentPassword"),
            change::Refusal::CurrentPassword(refusal) => refusal.into(),
        }
    }
}

impl From<forgot::Refusal> for Problem {
    fn from(refusal: forgot::Refusal) -> Self {
        match refusal {
            forgot::Refusal::MailNotConfigured => Self::new(ProblemCode::MailNotConfigured),
        }
    }
}

impl From<reset::Refusal> for Problem {
    fn from(refusal: reset::Refusal) -> Self {
        match refusal {
            reset::Refusal::InvalidCode => invalid_code(),
            reset::Refusal::NewPassword(error) => field_error("/newPassword", error).into(),
        }
    }
}
