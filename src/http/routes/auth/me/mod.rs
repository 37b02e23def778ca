//! GET and PATCH /auth/me.

pub mod activity;
pub mod delete;

use poem_openapi::OpenApi;

use crate::actions::accounts::update;
use crate::http::api::Api;
use crate::http::bearer::BearerToken;
use crate::http::dto::user::UserBody;
use crate::http::dto::user_changes::UpdateMeRequest;
use crate::http::error_responses::{ALWAYS, BEARER, BODY, error_responses};
use crate::http::etag::IfMatch;
use crate::http::middleware::RequestContext;
use crate::http::payload::MergePatch;
use crate::http::responses::Tagged;
use crate::http::routes::Tag;

error_responses! { GetError: [BEARER, ALWAYS], [] }
error_responses! {
    UpdateError: [BODY, BEARER, ALWAYS], [InvalidParameter, UsernameTaken, PreconditionFailed, RateLimited]
}

pub struct Me(pub Api);

#[OpenApi]
impl Me {
    /// Get the caller's account
    ///
    /// Returns the caller as they were at most one second ago.
    #[oai(path = "/auth/me", method = "get", operation_id = "getMe", tag = "Tag::Account")]
    async fn get(&self, context: RequestContext, bearer: BearerToken) -> Result<Tagged<UserBody>, GetError> {
        let caller = self.0.identify(&context, &bearer).await?;
        Ok(Tagged::from(&*caller.user))
    }

    /// Update the caller's account
    ///
    /// Changes the fields that are sent. Records `auth.user.username_changed`, and
    /// `auth.user.updated` with the names of the other fields that changed.
    #[oai(path = "/auth/me", method = "patch", operation_id = "updateMe", tag = "Tag::Account")]
    async fn update(
        &self,
        context: RequestContext,
        bearer: BearerToken,
        /// Update the account only if it still has this `ETag`.
        #[oai(name = "If-Match")]
        if_match: IfMatch,
        body: MergePatch<UpdateMeRequest>,
    ) -> Result<Tagged<UserBody>, UpdateError> {
        let caller = self.0.identify(&context, &bearer).await?;
        let change = body.0.parse()?;
        let user = self.0.call(&context, |cx| update::run(cx, caller, if_match.0, change)).await?;
        Ok(Tagged::from(&user))
    }
}
