//! GET and DELETE /auth/sessions, DELETE /auth/sessions/{id}.

use poem_openapi::param::Path;
use poem_openapi::payload::Json;
use poem_openapi::{ApiResponse, Object, OpenApi};
use uuid::Uuid;

use super::Tag;
use super::refusals::{ALWAYS, BEARER, refusals};
use crate::actions::{list_sessions, revoke_session};
use crate::domain::ids::SessionId;
use crate::domain::session::Session;
use crate::http::api::{Api, failure};
use crate::http::bearer::BearerToken;
use crate::http::middleware::RequestContext;
use crate::http::problem::{Problem, ProblemCode};
use crate::http::timestamp::Timestamp;

/// One login on one device.
#[derive(Object)]
#[oai(rename = "Session", rename_all = "camelCase")]
struct SessionBody {
    /// `UUIDv7`; `sid` in access tokens.
    id: Uuid,
    /// Whether it is the session of this request.
    current: bool,
    /// When the user logged in.
    created_at: Timestamp,
    /// When it was last refreshed.
    last_used_at: Timestamp,
    /// When it ends, however often it is refreshed.
    expires_at: Timestamp,
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

refusals! {
    /// Why there is nothing to show.
    Refused: [BEARER, ALWAYS], []
}
refusals! {
    /// Why nothing was ended.
    OthersRefused: [BEARER, ALWAYS], [RateLimited]
}
refusals! {
    /// Why nothing was ended.
    OneRefused: [BEARER, ALWAYS], [InvalidParameter, NotFound, RateLimited]
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
    async fn list(&self, context: RequestContext, bearer: BearerToken) -> Result<Listed, Refused> {
        let identity = self.0.identify(&context, &bearer).await?;
        let current = identity.session_id;
        let work = self.0.run(
            &context,
            |auth, _| async move { list_sessions::run(&auth, &identity).await },
        );
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
    async fn revoke_others(&self, context: RequestContext, bearer: BearerToken) -> Result<Ended, OthersRefused> {
        let identity = self.0.identify(&context, &bearer).await?;
        let work = self.0.run(&context, |auth, origin| async move {
            revoke_session::run_others(&auth, &origin, &identity).await
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
    ) -> Result<Ended, OneRefused> {
        let identity = self.0.identify(&context, &bearer).await?;
        let session = SessionId::from(id.0);
        let work = self.0.run(&context, |auth, origin| async move {
            revoke_session::run(&auth, &origin, &identity, session).await
        });
        work.await?.map_err(problem)?;
        Ok(Ended::Done)
    }
}

fn problem(error: revoke_session::Error) -> Problem {
    match error {
        revoke_session::Error::SessionEnded => Problem::new(ProblemCode::InvalidToken),
        revoke_session::Error::NotFound => Problem::new(ProblemCode::NotFound),
        revoke_session::Error::Failure(error) => failure(error),
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
