//! GET, PUT, PATCH and DELETE /users/{id}.

use poem_openapi::OpenApi;
use uuid::Uuid;

use crate::actions::users::{delete, get, update};
use crate::http::api::Api;
use crate::http::bearer::BearerToken;
use crate::http::dto::user::UserBody;
use crate::http::dto::user_changes::{ReplaceUserRequest, UpdateUserRequest};
use crate::http::error_responses::{ALWAYS, BEARER, BODY, error_responses};
use crate::http::etag::IfMatch;
use crate::http::middleware::RequestContext;
use crate::http::parameters::path::Path;
use crate::http::payload::{MergePatch, StrictJson};
use crate::http::problem::{Problem, ProblemCode};
use crate::http::responses::{NoContent, Tagged};
use crate::http::routes::Tag;

error_responses! { GetError: [BEARER, ALWAYS], [InvalidParameter, NotFound] }
error_responses! {
    UpdateError: [BODY, BEARER, ALWAYS],
        [InvalidParameter, Forbidden, NotFound, EmailTaken, UsernameTaken, PreconditionFailed, RateLimited]
}
error_responses! {
    DeleteError: [BEARER, ALWAYS], [InvalidParameter, Forbidden, NotFound, PreconditionFailed, RateLimited]
}

pub struct OneUser(pub Api);

#[OpenApi]
impl OneUser {
    /// Get a user
    ///
    /// Administrators can read any user, including deleted ones. Everyone else can read only
    /// themselves; any other id answers 404.
    #[oai(path = "/users/:id", method = "get", operation_id = "getUser", tag = "Tag::Users")]
    async fn get(
        &self,
        context: RequestContext,
        bearer: BearerToken,
        /// ID of the user.
        id: Path<Uuid>,
    ) -> Result<Tagged<UserBody>, GetError> {
        let caller = self.0.identify(&context, &bearer).await?;
        let user = self.0.call(&context, |cx| get::run(cx, caller, id.0.into())).await?;
        let user = user.ok_or_else(|| Problem::new(ProblemCode::NotFound))?;
        Ok(Tagged::from(&user))
    }

    /// Replace a user
    ///
    /// Replaces `email`, `username`, `name`, `accountType` and `profile`; what is left out of them
    /// is removed. Prefer `PATCH`, which changes only what is sent. For administrators. Records
    /// `auth.user.email_changed`, `auth.user.username_changed` and `auth.user.updated`, in this
    /// order, for the fields that changed; their `actor` is the administrator.
    #[oai(path = "/users/:id", method = "put", operation_id = "replaceUser", tag = "Tag::Users")]
    async fn replace(
        &self,
        context: RequestContext,
        bearer: BearerToken,
        /// ID of the user.
        id: Path<Uuid>,
        /// Replace the user only if they still have this `ETag`.
        #[oai(name = "If-Match")]
        if_match: IfMatch,
        body: StrictJson<ReplaceUserRequest>,
    ) -> Result<Tagged<UserBody>, UpdateError> {
        let caller = self.0.identify(&context, &bearer).await?;
        if !caller.user.is_admin() {
            return Err(Problem::new(ProblemCode::Forbidden).into());
        }
        let (target, change) = (id.0.into(), body.0.parse()?);
        let user = self.0.call(&context, |cx| update::run(cx, caller, target, if_match.0, change)).await?;
        Ok(Tagged::from(&user))
    }

    /// Update a user
    ///
    /// Changes the fields that are sent. Users can change their own name, username and profile;
    /// administrators can change these fields, the email address and the account type of any user.
    /// Records `auth.user.email_changed`, `auth.user.username_changed` and `auth.user.updated`, in
    /// this order, for the fields that changed; their `actor` is the administrator who changed
    /// another user.
    #[oai(path = "/users/:id", method = "patch", operation_id = "updateUser", tag = "Tag::Users")]
    async fn update(
        &self,
        context: RequestContext,
        bearer: BearerToken,
        /// ID of the user.
        id: Path<Uuid>,
        /// Update the user only if they still have this `ETag`.
        #[oai(name = "If-Match")]
        if_match: IfMatch,
        body: MergePatch<UpdateUserRequest>,
    ) -> Result<Tagged<UserBody>, UpdateError> {
        let caller = self.0.identify(&context, &bearer).await?;
        let (target, change) = (id.0.into(), body.0.parse()?);
        let user = self.0.call(&context, |cx| update::run(cx, caller, target, if_match.0, change)).await?;
        Ok(Tagged::from(&user))
    }

    /// Delete a user
    ///
    /// Ends all sessions and frees the email address and the username; personal data is erased
    /// after `accounts.erase_after`. For administrators, who delete their own account at
    /// `/auth/me/delete`, with its password. Records `auth.user.deleted` with the administrator as
    /// its `actor`.
    #[oai(path = "/users/:id", method = "delete", operation_id = "deleteUser", tag = "Tag::Users")]
    async fn delete(
        &self,
        context: RequestContext,
        bearer: BearerToken,
        /// ID of the user.
        id: Path<Uuid>,
        /// Delete the user only if they still have this `ETag`.
        #[oai(name = "If-Match")]
        if_match: IfMatch,
    ) -> Result<NoContent, DeleteError> {
        let caller = self.0.identify(&context, &bearer).await?;
        let target = id.0.into();
        self.0.call(&context, |cx| delete::run(cx, caller, target, if_match.0)).await?;
        Ok(NoContent::Done)
    }
}

impl From<update::Refusal> for Problem {
    fn from(refusal: update::Refusal) -> Self {
        match refusal {
            update::Refusal::Admin(refusal) => refusal.into(),
            update::Refusal::Own(refusal) => refusal.into(),
            update::Refusal::Change(refusal) => refusal.into(),
        }
    }
}

impl From<delete::Refusal> for Problem {
    fn from(refusal: delete::Refusal) -> Self {
        match refusal {
            delete::Refusal::OwnAccount => Self::new(ProblemCode::Forbidden)
                .with_detail("Delete your own account at /auth/me/delete, with its password."),
            delete::Refusal::Admin(refusal) => refusal.into(),
        }
    }
}
