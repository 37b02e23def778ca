//! DELETE /users/{id}/mfa.

use poem_openapi::OpenApi;
use uuid::Uuid;

use crate::actions::users::remove_mfa;
use crate::http::api::Api;
use crate::http::bearer::BearerToken;
use crate::http::error_responses::{ALWAYS, BEARER, error_responses};
use crate::http::middleware::RequestContext;
use crate::http::parameters::path::Path;
use crate::http::responses::NoContent;
use crate::http::routes::Tag;

error_responses! { RemoveError: [BEARER, ALWAYS], [InvalidParameter, Forbidden, NotFound, RateLimited] }

pub struct UserMfa(pub Api);

#[OpenApi]
impl UserMfa {
    /// Remove a user's second factor
    ///
    /// Removes the authenticator and the recovery codes of a user who has lost them: logins then
    /// need the password alone. For administrators. Records `auth.user.mfa_removed`.
    #[oai(path = "/users/:id/mfa", method = "delete", operation_id = "removeUserMfa", tag = "Tag::Users")]
    async fn remove(
        &self,
        context: RequestContext,
        bearer: BearerToken,
        /// ID of the user.
        id: Path<Uuid>,
    ) -> Result<NoContent, RemoveError> {
        let caller = self.0.identify(&context, &bearer).await?;
        self.0.call(&context, |cx| remove_mfa::run(cx, caller, id.0.into())).await?;
        Ok(NoContent::Done)
    }
}
