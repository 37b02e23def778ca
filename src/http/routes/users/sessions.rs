//! DELETE /users/{id}/sessions.

use poem_openapi::OpenApi;
use uuid::Uuid;

use crate::actions::users::revoke_sessions;
use crate::http::api::Api;
use crate::http::bearer::BearerToken;
use crate::http::error_responses::{ALWAYS, BEARER, error_responses};
use crate::http::middleware::RequestContext;
use crate::http::parameters::path::Path;
use crate::http::responses::NoContent;
use crate::http::routes::Tag;

error_responses! { RevokeError: [BEARER, ALWAYS], [InvalidParameter, Forbidden, NotFound, RateLimited] }

pub struct UserSessions(pub Api);

#[OpenApi]
impl UserSessions {
    /// Revoke a user's sessions
    ///
    /// Ends all sessions of the user. For administrators. Records `auth.user.session_revoked`.
    #[oai(path = "/users/:id/sessions", method = "delete", operation_id = "revokeUserSessions", tag = "Tag::Users")]
    async fn revoke(
        &self,
        context: RequestContext,
        bearer: BearerToken,
        /// ID of the user.
        id: Path<Uuid>,
    ) -> Result<NoContent, RevokeError> {
        let caller = self.0.identify(&context, &bearer).await?;
        self.0.call(&context, |cx| revoke_sessions::run(cx, caller, id.0.into())).await?;
        Ok(NoContent::Done)
    }
}
