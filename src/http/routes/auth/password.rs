//! POST /auth/password/change, /auth/password/forgot and /auth/password/reset.

use poem_openapi::{ApiResponse, Object, OpenApi};
use serde::Deserialize;

use crate::actions::passwords::{change, forgot, reset};
use crate::domain::one_time_code::OneTimeCode;
use crate::domain::password::Password;
use crate::http::api::{Api, failure};
use crate::http::bearer::BearerToken;
use crate::http::dto::password_confirmation::unconfirmed;
use crate::http::dto::user::{Fields, field_error};
use crate::http::error_responses::{ALWAYS, BEARER, BODY, error_responses};
use crate::http::middleware::RequestContext;
use crate::http::payload::StrictJson;
use crate::http::problem::{Problem, ProblemCode};
use crate::http::routes::Tag;

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
enum QueryParam {
    /// If an account has the address, a mail with a code is on its way to it.
    #[oai(status = 202)]
    Done,
}

error_responses! {
    /// Why the password is still the old one.
    ChangeError: [BODY, BEARER, ALWAYS], [RateLimited, Overloaded]
}
error_responses! {
    /// Why nobody gets a mail.
    ForgotError: [BODY, ALWAYS], [RateLimited, MailNotConfigured]
}
error_responses! {
    /// Why the password is still the old one.
    ResetError: [BODY, ALWAYS], [InvalidCode, RateLimited, Overloaded]
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
    ) -> Result<Replaced, ChangeError> {
        let identity = self.0.identify(&context, &bearer).await?;
        let mut fields = Fields::default();
        let current = fields.take("/currentPassword", Password::parse(&body.0.current_password));
        let new = fields.take("/newPassword", Password::parse(&body.0.new_password));
        let input = current.zip(new);
        let input = input.map(|(current, new)| change::Input { current, new });
        let input = fields.finish(input)?;
        let work = self.0.run(&context, |auth, origin| async move {
            change::run(&auth, &origin, &identity, input).await
        });
        work.await?.map_err(|error| match error {
            change::Error::Current(error) => unconfirmed(error, "/currentPassword"),
            change::Error::Password(error) => Problem::validation(vec![field_error("/newPassword", error)]),
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
    ) -> Result<QueryParam, ForgotError> {
        let mut fields = Fields::default();
        let email = fields.parse("/email", &body.0.email);
        let email = fields.finish(email)?;
        let work = self.0.run(&context, |auth, origin| async move {
            forgot::run(&auth, &origin, email).await
        });
        work.await?.map_err(|error| match error {
            forgot::Error::NoMail => Problem::new(ProblemCode::MailNotConfigured),
            forgot::Error::Failure(error) => failure(error),
        })?;
        Ok(QueryParam::Done)
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
    async fn reset(&self, context: RequestContext, body: StrictJson<PasswordReset>) -> Result<Replaced, ResetError> {
        let mut fields = Fields::default();
        let password = fields.take("/password", Password::parse(&body.0.password));
        let password = fields.finish(password)?;
        let code = OneTimeCode::parse(&body.0.code).ok_or(Problem::new(ProblemCode::InvalidCode))?;
        let input = reset::Input { code, password };
        let work = self.0.run(&context, |auth, origin| async move {
            reset::run(&auth, &origin, input).await
        });
        work.await?.map_err(|error| match error {
            reset::Error::InvalidCode => Problem::new(ProblemCode::InvalidCode),
            reset::Error::Password(error) => Problem::validation(vec![field_error("/password", error)]),
            reset::Error::Failure(error) => failure(error),
        })?;
        Ok(Replaced::Done)
    }
}
