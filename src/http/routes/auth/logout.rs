//! POST /auth/logout.

use poem_openapi::{Enum, Object, OpenApi};
use serde::Deserialize;

use crate::actions::sessions::logout::{self, Refusal, Token};
use crate::http::api::Api;
use crate::http::bearer::OptionalBearerToken;
use crate::http::error_responses::{ALWAYS, BEARER, BODY, error_responses};
use crate::http::middleware::RequestContext;
use crate::http::payload::OptionalJson;
use crate::http::problem::{Problem, ProblemCode};
use crate::http::responses::NoContent;
use crate::http::routes::Tag;

/// Sessions to end. Without a body, the session of the access token.
#[derive(Default, Object, Deserialize)]
#[oai(rename_all = "camelCase", deny_unknown_fields)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct LogoutRequest {
    /// Refresh token of the session, for clients whose access token has expired. Takes precedence
    /// over the access token.
    #[oai(skip_serializing_if_is_none, validator(max_length = 512))]
    refresh_token: Option<String>,
    /// Sessions to end. Defaults to `local`.
    #[oai(skip_serializing_if_is_none)]
    scope: Option<Scope>,
}

/// The sessions that a logout ends.
#[derive(Clone, Copy, Enum, Deserialize)]
#[oai(rename = "LogoutScope", rename_all = "snake_case")]
#[serde(rename_all = "snake_case")]
enum Scope {
    /// This session.
    Local,
    /// All sessions of the user but this one.
    Others,
    /// All sessions of the user.
    Global,
}

impl From<Scope> for logout::Scope {
    fn from(scope: Scope) -> Self {
        match scope {
            Scope::Local => Self::Local,
            Scope::Others => Self::Others,
            Scope::Global => Self::Global,
        }
    }
}

error_responses! { LogoutError: [BODY, BEARER, ALWAYS], [InvalidRefreshToken] }

pub struct Logout(pub Api);

#[OpenApi]
impl Logout {
    /// Log out
    ///
    /// Ends this session, all others, or all: their tokens are refused from then on. Takes the
    /// access token, or the refresh token alone. Records `auth.user.logged_out`.
    #[oai(path = "/auth/logout", method = "post", operation_id = "logout", tag = "Tag::Authentication")]
    async fn logout(
        &self,
        context: RequestContext,
        bearer: OptionalBearerToken,
        body: OptionalJson<LogoutRequest>,
    ) -> Result<NoContent, LogoutError> {
        let body = body.0.unwrap_or_default();
        let scope = body.scope.unwrap_or(Scope::Local).into();
        let token = match (body.refresh_token, bearer.0) {
            (Some(refresh), _) => Token::Refresh(refresh),
            (None, Some(access)) => Token::Access(access.as_str().to_owned()),
            (None, None) => return Err(Problem::new(ProblemCode::AuthenticationRequired).into()),
        };
        self.0.call(&context, |cx| logout::run(cx, token, scope)).await?;
        Ok(NoContent::Done)
    }
}

impl From<Refusal> for Problem {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::InvalidAccessToken => Self::new(ProblemCode::InvalidToken),
            Refusal::InvalidRefreshToken => Self::new(ProblemCode::InvalidRefreshToken),
        }
    }
}
