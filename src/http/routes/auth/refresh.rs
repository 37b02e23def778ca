//! POST /auth/refresh.

use poem_openapi::{Object, OpenApi};
use serde::Deserialize;

use crate::actions::sessions::refresh::{self, Refusal};
use crate::http::api::Api;
use crate::http::dto::tokens::TokenResponse;
use crate::http::error_responses::{ALWAYS, BODY, error_responses};
use crate::http::middleware::RequestContext;
use crate::http::payload::StrictJson;
use crate::http::problem::{Problem, ProblemCode};
use crate::http::responses::Success;
use crate::http::routes::Tag;

/// A refresh token to exchange.
#[derive(Object, Deserialize)]
#[oai(rename_all = "camelCase", deny_unknown_fields)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct RefreshRequest {
    /// Refresh token of the last registration, login or refresh.
    #[oai(validator(max_length = 512))]
    refresh_token: String,
}

error_responses! { RefreshError: [BODY, ALWAYS], [InvalidRefreshToken, RateLimited] }

pub struct Refresh(pub Api);

#[OpenApi]
impl Refresh {
    /// Refresh the tokens
    ///
    /// Exchanges the refresh token for its successor and a new access token. A client that lost the
    /// response may repeat the request within ten seconds and gets the same successor; any other
    /// reuse ends the session. Records `auth.user.token_refreshed` or
    /// `auth.user.token_reuse_detected`.
    #[oai(path = "/auth/refresh", method = "post", operation_id = "refreshTokens", tag = "Tag::Authentication")]
    async fn refresh(
        &self,
        context: RequestContext,
        body: StrictJson<RefreshRequest>,
    ) -> Result<Success<TokenResponse>, RefreshError> {
        let token = body.0.refresh_token;
        let pair = self.0.call(&context, |cx| refresh::run(cx, token)).await?;
        context.set_user(pair.user.id);
        Ok(Success::new(pair))
    }
}

impl From<Refusal> for Problem {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::InvalidToken => Self::new(ProblemCode::InvalidRefreshToken),
        }
    }
}
