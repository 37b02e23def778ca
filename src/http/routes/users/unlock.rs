//! POST /users/{id}/unlock.

use poem_openapi::OpenApi;
use uuid::Uuid;

use crate::actions::users::unlock;
use crate::http::api::Api;
use crate::http::bearer::BearerToken;
use crate::http::error_responses::{ALWAYS, BEARER, error_responses};
use crate::http::middleware::RequestContext;
use crate::http::parameters::path::Path;
use crate::http::responses::NoContent;
use crate::http::routes::Tag;

error_responses! { UnlockError: [BEARER, ALWAYS], [InvalidParameter, Forbidden, NotFound, RateLimited] }

pub struct UserUnlock(pub Api);

#[OpenApi]
impl UserUnlock {
    /// Unlock a user
    ///
    /// Resets the account's login rate limit; limits of networks still apply. For administrators.
    /// Records `auth.user.unlocked`.
    #[oai(path = "/users/:id/unlock", method = "post", operation_id = "unlockUser", tag = "Tag::Users")]
    async fn unlock(
        &self,
        context: RequestContext,
        bearer: BearerToken,
        /// ID of the user.
        id: Path<Uuid>,
    ) -> Result<NoContent, UnlockError> {
        let caller = self.0.identify(&context, &bearer).await?;
        self.0.call(&context, |cx| unlock::run(cx, caller, id.0.into())).await?;
        Ok(NoContent::Done)
    }
}
