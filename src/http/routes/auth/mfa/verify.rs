//! POST /auth/mfa/verify.

use poem_openapi::{Object, OpenApi};
use serde::Deserialize;

use crate::actions::mfa::verify::{self, Input, Refusal};
use crate::domain::second_factor::{FactorCode, FactorKind};
use crate::http::api::Api;
use crate::http::dto::tokens::TokenResponse;
use crate::http::error_responses::{ALWAYS, BODY, error_responses};
use crate::http::fields::only_field;
use crate::http::middleware::RequestContext;
use crate::http::payload::StrictJson;
use crate::http::problem::{FactorType, FieldError, Problem, ProblemCode};
use crate::http::responses::Success;
use crate::http::routes::Tag;

/// The second step of a login.
#[derive(Object, Deserialize)]
#[oai(rename_all = "camelCase", deny_unknown_fields, example)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct VerifyMfaRequest {
    /// `challengeToken` of the problem `mfa_required`.
    #[oai(validator(max_length = 128))]
    challenge_token: String,
    /// One of the `factors` of the problem; by default, the one that has codes of this form.
    #[oai(skip_serializing_if_is_none)]
    factor: Option<FactorType>,
    /// The authenticator's six digits, or a recovery code.
    #[oai(validator(max_length = 32))]
    code: String,
}

impl poem_openapi::types::Example for VerifyMfaRequest {
    fn example() -> Self {
        Self {
            challenge_token: "wlc_AZLzpH0efDqbIA1fanuMnQ...".to_owned(),
            factor: Some(FactorType::Totp),
            code: "123456".to_owned(),
        }
    }
}

error_responses! { VerifyError: [BODY, ALWAYS], [InvalidChallenge, InvalidSecondFactor, RateLimited] }

pub struct MfaVerification(pub Api);

#[OpenApi]
impl MfaVerification {
    /// Complete a login with MFA
    ///
    /// Continues where `/auth/login` answered `mfa_required`. A code works once, and five wrong
    /// codes end the challenge. Records `auth.user.mfa_verified` or `auth.user.recovery_code_used`,
    /// then `auth.user.logged_in`; or `auth.user.mfa_failed`.
    #[oai(path = "/auth/mfa/verify", method = "post", operation_id = "verifyMfa", tag = "Tag::Mfa")]
    async fn verify(
        &self,
        context: RequestContext,
        body: StrictJson<VerifyMfaRequest>,
    ) -> Result<Success<TokenResponse>, VerifyError> {
        let input = parse(body.0)?;
        let pair = self.0.call(&context, |cx| verify::run(cx, input)).await?;
        context.set_user(pair.user.id);
        Ok(Success::new(pair))
    }
}

fn parse(body: VerifyMfaRequest) -> Result<Input, Problem> {
    let code: FactorCode = only_field("/code", body.code.parse())?;
    if body.factor.is_some_and(|factor| FactorKind::from(factor) != code.kind()) {
        return Err(FieldError::new("/code", "wrong_factor", "is not a code of this factor").into());
    }
    Ok(Input { challenge_token: body.challenge_token, code })
}

impl From<Refusal> for Problem {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::InvalidChallenge => Self::new(ProblemCode::InvalidChallenge),
            Refusal::WrongCode => Self::new(ProblemCode::InvalidSecondFactor),
        }
    }
}
