//! POST /auth/login.

use poem_openapi::{Object, OpenApi};
use serde::Deserialize;

use crate::actions::sessions::login::{self, Input, Refusal};
use crate::domain::password::Password;
use crate::http::api::Api;
use crate::http::dto::tokens::TokenResponse;
use crate::http::error_responses::{ALWAYS, BODY, error_responses};
use crate::http::fields::Fields;
use crate::http::middleware::RequestContext;
use crate::http::payload::StrictJson;
use crate::http::problem::{FieldError, LoginFactor, Problem, ProblemCode};
use crate::http::responses::Success;
use crate::http::routes::Tag;

const MAX_IDENTIFIER: usize = 254;

/// Login credentials: exactly one of `identifier`, `email` and `username`, and the password.
#[derive(Object, Deserialize)]
#[oai(rename_all = "camelCase", deny_unknown_fields, example)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct LoginRequest {
    /// Email address or username.
    #[oai(skip_serializing_if_is_none, validator(max_length = 254))]
    identifier: Option<String>,
    /// Email address.
    #[oai(skip_serializing_if_is_none, validator(max_length = 254))]
    email: Option<String>,
    /// Username.
    #[oai(skip_serializing_if_is_none, validator(max_length = 254))]
    username: Option<String>,
    /// Password.
    #[oai(validator(max_length = 128))]
    password: String,
}

impl poem_openapi::types::Example for LoginRequest {
    fn example() -> Self {
        Self {
            identifier: None,
            email: Some("test@example.com".to_owned()),
            username: None,
            password: "password123!x".to_owned(),
        }
    }
}

error_responses! { LoginError: [BODY, ALWAYS], [InvalidCredentials, MfaRequired, RateLimited, Overloaded] }

pub struct Login(pub Api);

#[OpenApi]
impl Login {
    /// Log in
    ///
    /// Opens a session. The response is the same for an unknown account, a wrong password and an
    /// account that may not log in. An account with a second factor answers 403 `mfa_required`
    /// with a `challengeToken` and the factors; continue at `/auth/mfa/verify`. Records
    /// `auth.user.logged_in`, `auth.user.mfa_challenged` or `auth.user.login_failed`.
    #[oai(path = "/auth/login", method = "post", operation_id = "login", tag = "Tag::Authentication")]
    async fn login(
        &self,
        context: RequestContext,
        body: StrictJson<LoginRequest>,
    ) -> Result<Success<TokenResponse>, LoginError> {
        let input = parse(body.0)?;
        let pair = self.0.call(&context, |cx| login::run(cx, input)).await?;
        context.set_user(pair.user.id);
        Ok(Success::new(pair))
    }
}

fn parse(body: LoginRequest) -> Result<Input, Problem> {
    let mut fields = Fields::default();
    let mut identifiers = [
        ("/identifier", body.identifier),
        ("/email", body.email),
        ("/username", body.username),
    ]
    .into_iter()
    .filter_map(|(pointer, text)| Some((pointer, text?)));
    let identifier = match (identifiers.next(), identifiers.next()) {
        (Some((pointer, text)), None) if text.is_empty() || text.chars().count() > MAX_IDENTIFIER => {
            let detail = format!("must have 1 to {MAX_IDENTIFIER} characters");
            fields.refuse(FieldError::new(pointer, "invalid_length", detail));
            None
        }
        (Some((_, text)), None) => Some(text),
        _ => {
            fields.refuse(FieldError::new(
                "",
                "one_identifier",
                "exactly one of identifier, email and username is required",
            ));
            None
        }
    };
    let password = fields.take("/password", Password::parse(&body.password));
    let input = identifier.zip(password).map(|(identifier, password)| Input { identifier, password });
    fields.finish(input)
}

impl From<Refusal> for Problem {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::InvalidCredentials => Self::new(ProblemCode::InvalidCredentials),
            Refusal::SecondFactorRequired(challenge) => {
                let factors = challenge.factors.into_iter().map(LoginFactor::from).collect();
                Self::mfa_required(challenge.token, challenge.expires_in, factors)
            }
        }
    }
}
