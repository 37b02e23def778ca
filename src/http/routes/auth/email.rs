//! POST /auth/email/verify and /auth/email/resend.

use poem_openapi::{ApiResponse, Object, OpenApi};
use serde::Deserialize;

use crate::actions::accounts::{resend_verification, verify_email};
use crate::domain::one_time_code::OneTimeCode;
use crate::http::api::{Api, failure};
use crate::http::bearer::BearerToken;
use crate::http::error_responses::{ALWAYS, BEARER, BODY, error_responses};
use crate::http::middleware::RequestContext;
use crate::http::payload::StrictJson;
use crate::http::problem::{Problem, ProblemCode};
use crate::http::routes::Tag;

/// A code of the right form, which nobody was ever mailed.
pub(in crate::http::routes) const EXAMPLE_CODE: &str = "wmc_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8";

/// A mailed code.
#[derive(Object, Deserialize)]
#[oai(rename_all = "camelCase", deny_unknown_fields, example)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct MailedCode {
    /// The code from the mail.
    #[oai(validator(max_length = 64))]
    code: String,
}

impl poem_openapi::types::Example for MailedCode {
    fn example() -> Self {
        Self {
            code: EXAMPLE_CODE.to_owned(),
        }
    }
}

/// The address is confirmed.
#[derive(ApiResponse)]
enum Verified {
    /// `emailVerified` is true from now on.
    #[oai(status = 204)]
    Done,
}

/// A mail is written.
#[derive(ApiResponse)]
enum QueryParam {
    /// A mail with a new code is on its way, unless the address is confirmed already. Older codes are void.
    #[oai(status = 202)]
    Done,
}

error_responses! {
    /// Why the address is not confirmed by it.
    VerifyError: [BODY, ALWAYS], [InvalidCode, RateLimited]
}
error_responses! {
    /// Why no mail is sent.
    ResendError: [BEARER, ALWAYS], [RateLimited, MailNotConfigured]
}

/// The resource.
pub struct Emails(pub Api);

#[OpenApi]
impl Emails {
    /// Confirm an email address with a mailed code
    ///
    /// The code is good once, for 30 minutes unless configured otherwise, until a newer one is mailed or the address changes.
    /// Records `auth.user.email_verified`.
    #[oai(
        path = "/auth/email/verify",
        method = "post",
        operation_id = "verifyEmail",
        tag = "Tag::Account"
    )]
    async fn verify(&self, context: RequestContext, body: StrictJson<MailedCode>) -> Result<Verified, VerifyError> {
        let code = OneTimeCode::parse(&body.0.code).ok_or(Problem::new(ProblemCode::InvalidCode))?;
        let work = self.0.run(&context, |auth, origin| async move {
            verify_email::run(&auth, &origin, code).await
        });
        work.await?.map_err(|error| match error {
            verify_email::Error::InvalidCode => Problem::new(ProblemCode::InvalidCode),
            verify_email::Error::Failure(error) => failure(error),
        })?;
        Ok(Verified::Done)
    }

    /// Mail the code that confirms the address once more
    ///
    /// Records `auth.user.email_verification_requested`, unless the address is confirmed already.
    #[oai(
        path = "/auth/email/resend",
        method = "post",
        operation_id = "resendVerification",
        tag = "Tag::Account"
    )]
    async fn resend(&self, context: RequestContext, bearer: BearerToken) -> Result<QueryParam, ResendError> {
        let identity = self.0.identify(&context, &bearer).await?;
        let work = self.0.run(&context, |auth, origin| async move {
            resend_verification::run(&auth, &origin, &identity).await
        });
        work.await?.map_err(|error| match error {
            resend_verification::Error::NoMail => Problem::new(ProblemCode::MailNotConfigured),
            resend_verification::Error::SessionEnded => Problem::new(ProblemCode::InvalidToken),
            resend_verification::Error::Failure(error) => failure(error),
        })?;
        Ok(QueryParam::Done)
    }
}
