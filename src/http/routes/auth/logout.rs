//! POST /auth/logout.

use poem_openapi::{ApiResponse, Enum, Object, OpenApi};
use serde::Deserialize;
use watchword_events::LogoutScope;

use crate::actions::sessions::logout::{self, Caller, Error};
use crate::http::api::{Api, failure};
use crate::http::bearer::OptionalBearerToken;
use crate::http::error_responses::{ALWAYS, BEARER, BODY, error_responses};
use crate::http::middleware::RequestContext;
use crate::http::payload::OptionalJson;
use crate::http::problem::{Problem, ProblemCode};
use crate::http::routes::Tag;

/// What to end; without a body, the session of the access token.
#[derive(Default, Object, Deserialize)]
#[oai(rename_all = "camelCase", deny_unknown_fields)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Ending {
    /// Identifies the session when the access token is missing or has expired; wins over the access token.
    #[oai(skip_serializing_if_is_none, validator(max_length = 512))]
    refresh_token: Option<String>,
    /// Which sessions to end; `local` when left out.
    #[oai(skip_serializing_if_is_none)]
    scope: Option<Scope>,
}

/// Which sessions a logout ends.
#[derive(Clone, Copy, Enum, Deserialize)]
#[oai(rename = "LogoutScope", rename_all = "snake_case")]
#[serde(rename_all = "snake_case")]
enum Scope {
    /// This session.
    Local,
    /// All the user's sessions but this one.
    Others,
    /// All the user's sessions.
    Global,
}

impl From<Scope> for LogoutScope {
    fn from(scope: Scope) -> Self {
        match scope {
            Scope::Local => Self::Local,
            Scope::Others => Self::Others,
            Scope::Global => Self::Global,
        }
    }
}

/// Signed out.
#[derive(ApiResponse)]
enum LoggedOut {
    /// The sessions have ended, or had before.
    #[oai(status = 204)]
    Done,
}

error_responses! {
    /// Why nothing was ended.
    LogoutError: [BODY, BEARER, ALWAYS], [InvalidRefreshToken]
}

/// The resource.
pub struct Logout(pub Api);

#[OpenApi]
impl Logout {
    /// Log out
    ///
    /// Ends this session, the others or all of them: their access and refresh tokens are refused from then on.
    /// Takes the access token, or the refresh token alone. Records `auth.user.logged_out`.
    #[oai(
        path = "/auth/logout",
        method = "post",
        operation_id = "logout",
        tag = "Tag::Authentication"
    )]
    async fn logout(
        &self,
        context: RequestContext,
        bearer: OptionalBearerToken,
        body: OptionalJson<Ending>,
    ) -> Result<LoggedOut, LogoutError> {
        let body = body.0.unwrap_or_default();
        let scope = body.scope.unwrap_or(Scope::Local).into();
        let by_refresh = body.refresh_token.is_some();
        let token = body
            .refresh_token
            .or_else(|| bearer.0.map(|token| token.as_str().to_owned()));
        let token = token.ok_or_else(|| Problem::new(ProblemCode::AuthenticationRequired))?;
        let work = self.0.run(&context, |auth, origin| async move {
            let caller = if by_refresh {
                Caller::Refresh(&token)
            } else {
                Caller::Access(&token)
            };
            logout::run(&auth, &origin, caller, scope).await
        });
        work.await?.map_err(|error| problem(error, by_refresh))?;
        Ok(LoggedOut::Done)
    }
}

fn problem(error: Error, by_refresh: bool) -> Problem {
    match error {
        Error::InvalidToken if by_refresh => Problem::new(ProblemCode::InvalidRefreshToken),
        Error::InvalidToken => Problem::new(ProblemCode::InvalidToken),
        Error::Failure(error) => failure(error),
    }
}
