//! GET and DELETE /auth/sessions, DELETE /auth/sessions/{id}.

use poem_openapi::param::Path;
use poem_openapi::payload::Json;
use poem_openapi::{ApiResponse, Object, OpenApi};
use time::OffsetDateTime;
use uuid::Uuid;

use crate::actions::sessions::{list, revoke};
use crate::domain::ids::SessionId;
use crate::domain::session::Session;
use crate::http::api::{Api, failure};
use crate::http::bearer::BearerToken;
use crate::http::error_responses::{ALWAYS, BEARER, error_responses};
use crate::http::middleware::RequestContext;
use crate::http::problem::{Problem, ProblemCode};
use crate::http::routes::Tag;

/// One login on one device.
#[derive(Object)]
#[oai(rename = "Session", rename_all = "camelCase")]
struct SessionBody {
    /// `UUIDv7`; `sid` in access tokens.
    id: Uuid,
    /// Whether it is the session of this request.
    current: bool,
    /// When the user logged in.
    created_at: OffsetDateTime,
    /// When it was last refreshed.
    last_used_at: OffsetDateTime,
    /// When it ends, however often it is refreshed.
    expires_at: OffsetDateTime,
    /// The address that the login came from.
    #[oai(skip_serializing_if_is_none)]
    ip: Option<String>,
    /// What the client said it was at login.
    #[oai(skip_serializing_if_is_none)]
    user_agent: Option<String>,
}

/// The live sessions.
#[derive(Object)]
#[oai(rename_all = "camelCase")]
struct SessionList {
    /// Newest first.
    sessions: Vec<SessionBody>,
}

/// The user's live sessions.
#[derive(ApiResponse)]
enum Listed {
    /// All of them.
    #[oai(status = 200)]
    Ok(Json<SessionList>),
}

/// Ended.
#[derive(ApiResponse)]
enum Ended {
    /// Their access and refresh tokens are refused from now on.
    #[oai(status = 204)]
    Done,
}

error_responses! {
    /// Why there is nothing to show.
    ListError: [BEARER, ALWAYS], []
}
error_responses! {
    /// Why nothing was ended.
    RevokeOthersError: [BEARER, ALWAYS], [RateLimited]
}
error_responses! {
    /// Why nothing was ended.
    RevokeError: [BEARER, ALWAYS], [InvalidParameter, NotFound, RateLimited]
}

/// The resource.
pub struct Sessions(pub Api);

#[OpenApi]
impl Sessions {
    /// List the signed-in user's sessions
    #[oai(
        path = "/auth/sessions",
        method = "get",
        operation_id = "listSessions",
        tag = "Tag::Sessions"
    )]
    async fn list(&self, context: RequestContext, bearer: BearerToken) -> Result<Listed, ListError> {
        let identity = self.0.identify(&context, &bearer).await?;
        let current = identity.session_id;
        let work = self
            .0
            .run(&context, |auth, _| async move { list::run(&auth, &identity).await });
        let sessions = work.await?.map_err(failure)?;
        let sessions = sessions
            .into_iter()
            .map(|session| session_body(session, current))
            .collect();
        Ok(Listed::Ok(Json(SessionList { sessions })))
    }

    /// End all sessions but this one
    ///
    /// Records one `auth.user.session_revoked` per session.
    #[oai(
        path = "/auth/sessions",
        method = "delete",
        operation_id = "revokeOtherSessions",
        tag = "Tag::Sessions"
    )]
    async fn revoke_others(&self, context: RequestContext, bearer: BearerToken) -> Result<Ended, RevokeOthersError> {
        let identity = self.0.identify(&context, &bearer).await?;
        let work = self.0.run(&context, |auth, origin| async move {
            revoke::run_others(&auth, &origin, &identity).await
        });
        work.await?.map_err(problem)?;
        Ok(Ended::Done)
    }

    /// End one session
    ///
    /// Records `auth.user.session_revoked`.
    #[oai(
        path = "/auth/sessions/:id",
        method = "delete",
        operation_id = "revokeSession",
        tag = "Tag::Sessions"
    )]
    async fn revoke(
        &self,
        context: RequestContext,
        bearer: BearerToken,
        /// The session to end: one of the signed-in user's own.
        id: Path<Uuid>,
    ) -> Result<Ended, RevokeError> {
        let identity = self.0.identify(&context, &bearer).await?;
        let session = SessionId::from(id.0);
        let work = self.0.run(&context, |auth, origin| async move {
            revoke::run(&auth, &origin, &identity, session).await
        });
        work.await?.map_err(problem)?;
        Ok(Ended::Done)
    }
}

fn problem(error: revoke::Error) -> Problem {
    match error {
        revoke::Error::SessionEnded => Problem::new(ProblemCode::InvalidToken),
        revoke::Error::NotFound => Problem::new(ProblemCode::NotFound),
        revoke::Error::Failure(error) => failure(error),
    }
}

fn session_body(session: Session, current: SessionId) -> SessionBody {
    SessionBody {
        id: session.id.as_uuid(),
        current: session.id == current,
        created_at: session.created_at,
        last_used_at: session.last_used_at,
        expires_at: session.expires_at,
        ip: session.ip.map(|ip| ip.to_string()),
        user_agent: session.user_agent,
    }
}
