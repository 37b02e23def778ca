//! GET and DELETE /auth/sessions, DELETE /auth/sessions/{id}.

use poem_openapi::{Object, OpenApi};
use uuid::Uuid;

use crate::actions::sessions::{list, revoke};
use crate::domain::ids::SessionId;
use crate::domain::session::Session;
use crate::http::api::Api;
use crate::http::bearer::BearerToken;
use crate::http::error_responses::{ALWAYS, BEARER, error_responses};
use crate::http::middleware::RequestContext;
use crate::http::parameters::path::Path;
use crate::http::problem::{Problem, ProblemCode};
use crate::http::responses::{NoContent, Success};
use crate::http::routes::Tag;
use crate::http::timestamp::Timestamp;

/// A session: one login on one device.
#[derive(Object)]
#[oai(rename = "Session", rename_all = "camelCase")]
struct SessionBody {
    /// ID of the session (`UUIDv7`); `sid` in access tokens.
    id: Uuid,
    /// Whether this request belongs to the session.
    current: bool,
    /// When the user logged in.
    created_at: Timestamp,
    /// When the session was last refreshed.
    last_used_at: Timestamp,
    /// When the session ends, however often it is refreshed.
    expires_at: Timestamp,
    /// IP address of the login.
    #[oai(skip_serializing_if_is_none)]
    ip: Option<String>,
    /// User agent of the login.
    #[oai(skip_serializing_if_is_none)]
    user_agent: Option<String>,
}

/// Live sessions.
#[derive(Object)]
#[oai(rename_all = "camelCase")]
struct SessionList {
    /// Newest first.
    sessions: Vec<SessionBody>,
}

error_responses! { ListError: [BEARER, ALWAYS], [] }
error_responses! { RevokeOthersError: [BEARER, ALWAYS], [RateLimited] }
error_responses! { RevokeError: [BEARER, ALWAYS], [InvalidParameter, NotFound, RateLimited] }

pub struct Sessions(pub Api);

#[OpenApi]
impl Sessions {
    /// List the caller's sessions
    ///
    /// Live sessions, newest first.
    #[oai(path = "/auth/sessions", method = "get", operation_id = "listSessions", tag = "Tag::Sessions")]
    async fn list(&self, context: RequestContext, bearer: BearerToken) -> Result<Success<SessionList>, ListError> {
        let caller = self.0.identify(&context, &bearer).await?;
        let current = caller.session_id;
        let sessions = self.0.call(&context, |cx| list::run(cx, caller)).await?;
        let sessions = sessions.into_iter().map(|session| session_body(session, current)).collect();
        Ok(Success::new(SessionList { sessions }))
    }

    /// Revoke all other sessions
    ///
    /// Ends all of the caller's sessions but this one. Records `auth.user.session_revoked`.
    #[oai(path = "/auth/sessions", method = "delete", operation_id = "revokeOtherSessions", tag = "Tag::Sessions")]
    async fn revoke_others(
        &self,
        context: RequestContext,
        bearer: BearerToken,
    ) -> Result<NoContent, RevokeOthersError> {
        let caller = self.0.identify(&context, &bearer).await?;
        self.0.call(&context, |cx| revoke::others(cx, caller)).await?;
        Ok(NoContent::Done)
    }

    /// Revoke a session
    ///
    /// Ends one of the caller's sessions. Records `auth.user.session_revoked`.
    #[oai(path = "/auth/sessions/:id", method = "delete", operation_id = "revokeSession", tag = "Tag::Sessions")]
    async fn revoke(
        &self,
        context: RequestContext,
        bearer: BearerToken,
        /// ID of the session.
        id: Path<Uuid>,
    ) -> Result<NoContent, RevokeError> {
        let caller = self.0.identify(&context, &bearer).await?;
        self.0.call(&context, |cx| revoke::run(cx, caller, id.0.into())).await?;
        Ok(NoContent::Done)
    }
}

impl From<revoke::Refusal> for Problem {
    fn from(refusal: revoke::Refusal) -> Self {
        match refusal {
            revoke::Refusal::SessionEnded => Self::new(ProblemCode::InvalidToken),
            revoke::Refusal::NotFound => Self::new(ProblemCode::NotFound),
        }
    }
}

fn session_body(session: Session, current: SessionId) -> SessionBody {
    SessionBody {
        id: session.id.as_uuid(),
        current: session.id == current,
        created_at: session.created_at.into(),
        last_used_at: session.last_used_at.into(),
        expires_at: session.expires_at.into(),
        ip: session.ip.map(|ip| ip.to_string()),
        user_agent: session.user_agent,
    }
}
