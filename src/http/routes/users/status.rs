//! POST /users/{id}/disable and /users/{id}/enable.

use poem_openapi::OpenApi;
use uuid::Uuid;

use crate::actions::users::status;
use crate::http::api::Api;
use crate::http::bearer::BearerToken;
use crate::http::dto::user::UserBody;
use crate::http::error_responses::{ALWAYS, BEARER, error_responses};
use crate::http::etag::IfMatch;
use crate::http::middleware::RequestContext;
use crate::http::parameters::path::Path;
use crate::http::responses::Tagged;
use crate::http::routes::Tag;

error_responses! {
    DisableError: [BEARER, ALWAYS], [InvalidParameter, Forbidden, NotFound, LastAdministrator, PreconditionFailed, RateLimited]
}
error_responses! {
    EnableError: [BEARER, ALWAYS], [InvalidParameter, Forbidden, NotFound, PreconditionFailed, RateLimited]
}

pub struct UserStatus(pub Api);

#[OpenApi]
impl UserStatus {
    /// Disable a user
    ///
    /// Refuses the user's logins and refreshes, and ends all their sessions. The last active
    /// administrator cannot be disabled. For administrators. Records `auth.user.disabled`, unless
    /// the user is disabled already.
    #[oai(path = "/users/:id/disable", method = "post", operation_id = "disableUser", tag = "Tag::Users")]
    async fn disable(
        &self,
        context: RequestContext,
        bearer: BearerToken,
        /// ID of the user.
        id: Path<Uuid>,
        /// Disable the user only if the user still has this `ETag`.
        #[oai(name = "If-Match")]
        if_match: IfMatch,
    ) -> Result<Tagged<UserBody>, DisableError> {
        let caller = self.0.identify(&context, &bearer).await?;
        let user = self.0.call(&context, |cx| status::disable(cx, caller, id.0.into(), if_match.0)).await?;
        Ok(Tagged::from(&user))
    }

    /// Enable a user
    ///
    /// Lets a disabled user log in again. For administrators. Records `auth.user.enabled`, unless
    /// the user is active already.
    #[oai(path = "/users/:id/enable", method = "post", operation_id = "enableUser", tag = "Tag::Users")]
    async fn enable(
        &self,
        context: RequestContext,
        bearer: BearerToken,
        /// ID of the user.
        id: Path<Uuid>,
        /// Enable the user only if the user still has this `ETag`.
        #[oai(name = "If-Match")]
        if_match: IfMatch,
    ) -> Result<Tagged<UserBody>, EnableError> {
        let caller = self.0.identify(&context, &bearer).await?;
        let user = self.0.call(&context, |cx| status::enable(cx, caller, id.0.into(), if_match.0)).await?;
        Ok(Tagged::from(&user))
    }
}
