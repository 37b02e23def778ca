//! POST /auth/refresh.

use poem_openapi::payload::Json;
use poem_openapi::{ApiResponse, Object, OpenApi};
use serde::Deserialize;

use crate::actions::sessions::refresh::{self, Error};
use crate::http::api::{Api, failure};
use crate::http::dto::user::Tokens;
use crate::http::error_responses::{ALWAYS, BODY, error_responses};
use crate::http::middleware::RequestContext;
use crate::http::payload::StrictJson;
use crate::http::problem::{Problem, ProblemCode};
use crate::http::routes::Tag;

/// The refresh token to exchange.
#[derive(Object, Deserialize)]
#[oai(rename_all = "camelCase", deny_unknown_fields)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Exchange {
    /// From the last register, login or refresh.
    #[oai(validator(max_length = 512))]
    refresh_token: String,
}

/// The next pair of tokens.
#[derive(ApiResponse)]
enum Refreshed {
    /// The session goes on; the presented refresh token is spent.
    #[oai(status = 200)]
    Ok(Json<Tokens>),
}

error_responses! {
    /// Why there are no new tokens.
    RefreshError: [BODY, ALWAYS], [InvalidRefreshToken, RateLimited]
}

/// The resource.
pub struct Refresh(pub Api);

#[OpenApi]
impl Refresh {
    /// Refresh the tokens
    ///
    /// Exchanges the refresh token for its successor and a new access token. A client whose answer was lost may repeat the
    /// request within ten seconds and gets the same successor; any other reuse of a spent token ends the session.
    /// Records `auth.user.token_refreshed` or `auth.user.token_reuse_detected`.
    #[oai(
        path = "/auth/refresh",
        method = "post",
        operation_id = "refresh",
        tag = "Tag::Authentication"
    )]
    async fn refresh(&self, context: RequestContext, body: StrictJson<Exchange>) -> Result<Refreshed, RefreshError> {
        let token = body.0.refresh_token;
        let outcome = self
            .0
            .run(&context, |auth, origin| async move {
                refresh::run(&auth, &origin, &token).await
            })
            .await?;
        let pair = outcome.map_err(problem)?;
        context.set_user(pair.user.id);
        Ok(Refreshed::Ok(Json(pair.into())))
    }
}

fn problem(error: Error) -> Problem {
    match error {
        Error::InvalidToken => Problem::new(ProblemCode::InvalidRefreshToken),
        Error::Failure(error) => failure(error),
    }
}
