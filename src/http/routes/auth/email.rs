//! POST /auth/email/verify and /auth/email/resend.

use poem_openapi::{Object, OpenApi};
use serde::Deserialize;

use crate::actions::accounts::{resend_verification, verify_email};
use crate::domain::one_time_code::OneTimeCode;
use crate::http::api::Api;
use crate::http::bearer::BearerToken;
use crate::http::dto::one_time_code::invalid_code;
use crate::http::error_responses::{ALWAYS, BEARER, BODY, error_responses};
use crate::http::middleware::RequestContext;
use crate::http::payload::StrictJson;
use crate::http::problem::{Problem, ProblemCode};
use crate::http::responses::{Accepted, NoContent};
use crate::http::routes::Tag;

/// A code of the right form that was never mailed.
pub(in crate::http::routes) const EXAMPLE_CODE: &str = "wmc_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8";

/// A mailed code.
#[derive(Object, Deserialize)]
#[oai(rename_all = "camelCase", deny_unknown_fields, example)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct VerifyEmailRequest {
    /// The code from the email.
    #[oai(validator(max_length = 64))]
    code: String,
}

impl poem_openapi::types::Example for VerifyEmailRequest {
    fn example() -> Self {
        Self { code: EXAMPLE_CODE.to_owned() }
    }
}

error_responses! { VerifyError: [BODY, ALWAYS], [InvalidCode, RateLimited] }
error_responses! { ResendError: [BEARER, ALWAYS], [RateLimited, MailNotConfigured] }

pub struct Emails(pub Api);

#[OpenApi]
impl Emails {
    /// Confirm an email address
    ///
    /// Takes the mailed code. It works for 30 minutes unless configured otherwise, until a newer
    /// one is mailed or the address changes. Records `auth.user.email_verified`; a repetition
    /// gets the same answer and records nothing.
    #[oai(path = "/auth/email/verify", method = "post", operation_id = "verifyEmail", tag = "Tag::Account")]
    async fn verify(
        &self,
        context: RequestContext,
        body: StrictJson<VerifyEmailRequest>,
    ) -> Result<NoContent, VerifyError> {
        let code = OneTimeCode::parse(&body.0.code).ok_or_else(invalid_code)?;
        self.0.call(&context, |cx| verify_email::run(cx, code)).await?;
        Ok(NoContent::Done)
    }

    /// Resend the confirmation email
    ///
    /// Mails a new code and voids older ones, unless the address is confirmed. Records
    /// `auth.user.email_verification_requested`.
    #[oai(path = "/auth/email/resend", method = "post", operation_id = "resendVerification", tag = "Tag::Account")]
    async fn resend(&self, context: RequestContext, bearer: BearerToken) -> Result<Accepted, ResendError> {
        let caller = self.0.identify(&context, &bearer).await?;
        self.0.call(&context, |cx| resend_verification::run(cx, caller)).await?;
        Ok(Accepted::Accepted)
    }
}

impl From<verify_email::Refusal> for Problem {
    fn from(refusal: verify_email::Refusal) -> Self {
        match refusal {
            verify_email::Refusal::InvalidCode => invalid_code(),
        }
    }
}

impl From<resend_verification::Refusal> for Problem {
    fn from(refusal: resend_verification::Refusal) -> Self {
        match refusal {
            resend_verification::Refusal::MailNotConfigured => Self::new(ProblemCode::MailNotConfigured),
            resend_verification::Refusal::SessionEnded => Self::new(ProblemCode::InvalidToken),
        }
    }
}
