//! POST /auth/password/change, /auth/password/forgot and /auth/password/reset.

use poem_openapi::{ApiResponse, Object, OpenApi};
use serde::Deserialize;

use super::Tag;
use super::body::{Fields, field_error};
use super::confirmation::unconfirmed;
use super::refusals::{ALWAYS, BEARER, BODY, refusals};
use crate::actions::{change_password, forgot_password, reset_password};
use crate::domain::code::OneTimeCode;
use crate::domain::password::Password;
use crate::http::api::{Api, failure};
use crate::http::bearer::BearerToken;
use crate::http::middleware::RequestContext;
use crate::http::payload::StrictJson;
use crate::http::problem::{Problem, ProblemCode};

/// The old password and the new one.
#[derive(Object, Deserialize)]
#[oai(rename_all = "camelCase", deny_unknown_fields, example)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct PasswordChange {
    /// The account's password as it is.
    #[oai(validator(max_length = 128))]
    current_password: String,
    /// At least 8 characters unless configured otherwise, at most 128; no rules about their kinds.
    #[oai(validator(max_length = 128))]
    new_password: String,
}

impl poem_openapi::types::Example for PasswordChange {
    fn example() -> Self {
        Self {
            current_password: "password123!x".to_owned(),
            new_password: "quiet harbour 52".to_owned(),
        }
    }
}

/// Whose password is forgotten.
#[derive(Object, Deserialize)]
#[oai(rename_all = "camelCase", deny_unknown_fields, example)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct ForgottenPassword {
    /// The address of the account.
    #[oai(validator(max_length = 254))]
    email: String,
}

impl poem_openapi::types::Example for ForgottenPassword {
    fn example() -> Self {
        Self {
            email: "test@example.com".to_owned(),
        }
    }
}

/// A mailed code and the new password.
#[derive(Object, Deserialize)]
#[oai(rename_all = "camelCase", deny_unknown_fields, example)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct PasswordReset {
    /// The code from the mail.
    #[oai(validator(max_length = 64))]
    code: String,
    /// At least 8 characters unless configured otherwise, at most 128; no rules about their kinds.
    #[oai(validator(max_length = 128))]
    password: String,
}

impl poem_openapi::types::Example for PasswordReset {
    fn example() -> Self {
        Self {
            code: super::email::EXAMPLE_CODE.to_owned(),
            password: "quiet harbour 52".to_owned(),
        }
    }
}

/// The password is another one.
#[derive(ApiResponse)]
enum Replaced {
    /// Every session has ended, this one included: log in with the new password.
    #[oai(status = 204)]
    Done,
}

/// Whether or not there is such an account.
#[derive(ApiResponse)]
enum Asked {
    /// If an account has the address, a mail with a code is on its way to it.
    #[oai(status = 202)]
    Done,
}

refusals! {
    /// Why the password is still the old one.
    ChangeRefused: [BODY, BEARER, ALWAYS], [RateLimited, Overloaded]
}
refusals! {
    /// Why nobody gets a mail.
    ForgotRefused: [BODY, ALWAYS], [RateLimited, MailNotConfigured]
}
refusals! {
    /// Why the password is still the old one.
    ResetRefused: [BODY, ALWAYS], [InvalidCode, RateLimited, Overloaded]
}

/// The resource.
pub struct Passwords(pub Api);

#[OpenApi]
impl Passwords {
    /// Change the signed-in user's password
    ///
    /// Asks for the current one, and ends every session. Records `auth.user.password_changed`, or `auth.user.login_failed` for
    /// a wrong password.
    #[oai(
        path = "/auth/password/change",
        method = "post",
        operation_id = "changePassword",
        tag = "Tag::Account"
    )]
    async fn change(
        &self,
        context: RequestContext,
        bearer: BearerToken,
        body: StrictJson<PasswordChange>,
    ) -> Result<Replaced, ChangeRefused> {
        let identity = self.0.identify(&context, &bearer).await?;
        let mut fields = Fields::default();
        let current = fields.take("/currentPassword", Password::parse(&body.0.current_password));
        let new = fields.take("/newPassword", Password::parse(&body.0.new_password));
        let input = current.zip(new);
        let input = input.map(|(current, new)| change_password::Input { current, new });
        let input = fields.finish(input)?;
        let work = self.0.run(&context, |auth, origin| async move {
            change_password::run(&auth, &origin, &identity, input).await
        });
        work.await?.map_err(|error| match error {
            change_password::Error::Current(error) => unconfirmed(error, "/currentPassword"),
            change_password::Error::Password(error) => Problem::validation(vec![field_error("/newPassword", error)]),
        })?;
        Ok(Replaced::Done)
    }

    /// Ask for a new password
    ///
    /// Mails a code to the address if an account has it; the answer does not tell. Records
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
        body: StrictJson<ForgottenPassword>,
    ) -> Result<Asked, ForgotRefused> {
        let mut fields = Fields::default();
        let email = fields.parse("/email", &body.0.email);
        let email = fields.finish(email)?;
        let work = self.0.run(&context, |auth, origin| async move {
            forgot_password::run(&auth, &origin, email).await
        });
        work.await?.map_err(|error| match error {
            forgot_password::Error::NoMail => Problem::new(ProblemCode::MailNotConfigured),
            forgot_password::Error::Failure(error) => failure(error),
        })?;
        Ok(Asked::Done)
    }

    /// Set a new password with a mailed code
    ///
    /// Ends every session. The code is good once, for 30 minutes unless configured otherwise, until a newer one is mailed or the
    /// password changes. Records `auth.user.password_reset_completed`.
    #[oai(
        path = "/auth/password/reset",
        method = "post",
        operation_id = "resetPassword",
        tag = "Tag::Authentication"
    )]
    async fn reset(&self, context: RequestContext, body: StrictJson<PasswordReset>) -> Result<Replaced, ResetRefused> {
        let mut fields = Fields::default();
        let password = fields.take("/password", Password::parse(&body.0.password));
        let password = fields.finish(password)?;
        let code = OneTimeCode::parse(&body.0.code).ok_or(Problem::new(ProblemCode::InvalidCode))?;
        let input = reset_password::Input { code, password };
        let work = self.0.run(&context, |auth, origin| async move {
            reset_password::run(&auth, &origin, input).await
        });
        work.await?.map_err(|error| match error {
            reset_password::Error::InvalidCode => Problem::new(ProblemCode::InvalidCode),
            reset_password::Error::Password(error) => Problem::validation(vec![field_error("/password", error)]),
            reset_password::Error::Failure(error) => failure(error),
        })?;
        Ok(Replaced::Done)
    }
}
