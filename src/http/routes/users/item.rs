//! GET, PUT, PATCH and DELETE /users/{id}.

use poem_openapi::param::{Header, Path};
use poem_openapi::{ApiResponse, OpenApi};
use uuid::Uuid;

use super::collection::refused;
use crate::actions::accounts::change::Change;
use crate::actions::sessions::authenticate::Identity;
use crate::actions::users::{delete, get, update};
use crate::http::api::{Api, failure};
use crate::http::bearer::BearerToken;
use crate::http::dto::account::profile_problem;
use crate::http::dto::user::TaggedUser;
use crate::http::dto::user_changes::{UserPatch, UserReplacement};
use crate::http::error_responses::{ALWAYS, BEARER, BODY, error_responses};
use crate::http::etag;
use crate::http::middleware::RequestContext;
use crate::http::payload::StrictJson;
use crate::http::problem::{Problem, ProblemCode};
use crate::http::routes::Tag;

/// The account is gone.
#[derive(ApiResponse)]
enum Deleted {
    /// Every session has ended; the identifiers are free again.
    #[oai(status = 204)]
    Done,
}

error_responses! {
    /// Why there is nobody to show.
    GetError: [BEARER, ALWAYS], [InvalidParameter, NotFound]
}
error_responses! {
    /// Why nothing was changed.
    ChangeError: [BODY, BEARER, ALWAYS],
        [InvalidParameter, Forbidden, NotFound, EmailTaken, UsernameTaken, PreconditionFailed, RateLimited]
}
error_responses! {
    /// Why the account is still there.
    DeleteError: [BEARER, ALWAYS], [InvalidParameter, Forbidden, NotFound, PreconditionFailed, RateLimited]
}

/// The resource.
pub struct OneUser(pub Api);

#[OpenApi]
impl OneUser {
    /// Show one user
    ///
    /// Anybody for administrators, deleted users too; oneself for everybody else, to whom somebody else and nobody look alike.
    #[oai(path = "/users/:id", method = "get", operation_id = "getUser", tag = "Tag::Users")]
    async fn one(
        &self,
        context: RequestContext,
        bearer: BearerToken,
        /// The user's id.
        id: Path<Uuid>,
    ) -> Result<TaggedUser, GetError> {
        let identity = self.0.identify(&context, &bearer).await?;
        let work = self.0.run(&context, |auth, _| async move {
            get::run(&auth, &identity, id.0.into()).await
        });
        let user = work.await?.map_err(failure)?;
        let user = user.ok_or_else(|| Problem::new(ProblemCode::NotFound))?;
        Ok(TaggedUser::from(&user))
    }

    /// Replace what can be changed of a user
    ///
    /// For administrators. Records `auth.user.email_changed`, `auth.user.username_changed` and `auth.user.updated`, each if it
    /// is so, in this order, with the administrator as their `actor`.
    #[oai(
        path = "/users/:id",
        method = "put",
        operation_id = "replaceUser",
        tag = "Tag::Users"
    )]
    async fn replace(
        &self,
        context: RequestContext,
        bearer: BearerToken,
        /// The user's id.
        id: Path<Uuid>,
        /// Only if the user still has this `ETag`.
        #[oai(name = "If-Match")]
        if_match: Header<Option<String>>,
        body: StrictJson<UserReplacement>,
    ) -> Result<TaggedUser, ChangeError> {
        let identity = self.0.identify(&context, &bearer).await?;
        if !identity.user.is_admin() {
            return Err(Problem::new(ProblemCode::Forbidden).into());
        }
        let change = body.0.parse()?;
        Ok(self.change(&context, identity, id.0, if_match.0, change).await?)
    }

    /// Change a user
    ///
    /// Everybody may change their own name, username and profile, administrators anybody's, and the address and the account
    /// type too. Records `auth.user.email_changed`, `auth.user.username_changed` and `auth.user.updated`, each if it is so, in this
    /// order; their `actor` is the administrator who changed somebody else.
    #[oai(
        path = "/users/:id",
        method = "patch",
        operation_id = "updateUser",
        tag = "Tag::Users"
    )]
    async fn patch(
        &self,
        context: RequestContext,
        bearer: BearerToken,
        /// The user's id.
        id: Path<Uuid>,
        /// Only if the user still has this `ETag`.
        #[oai(name = "If-Match")]
        if_match: Header<Option<String>>,
        body: StrictJson<UserPatch>,
    ) -> Result<TaggedUser, ChangeError> {
        let identity = self.0.identify(&context, &bearer).await?;
        let change = body.0.parse()?;
        Ok(self.change(&context, identity, id.0, if_match.0, change).await?)
    }

    /// Delete a user
    ///
    /// For administrators; one's own account is deleted at `/auth/me`, with its password. Ends every session and frees the
    /// identifiers. Personal data is erased after `accounts.erase_after`. Records `auth.user.deleted` with the administrator as
    /// its `actor`.
    #[oai(
        path = "/users/:id",
        method = "delete",
        operation_id = "deleteUser",
        tag = "Tag::Users"
    )]
    async fn delete(
        &self,
        context: RequestContext,
        bearer: BearerToken,
        /// The user's id.
        id: Path<Uuid>,
        /// Only if the user still has this `ETag`.
        #[oai(name = "If-Match")]
        if_match: Header<Option<String>>,
    ) -> Result<Deleted, DeleteError> {
        let identity = self.0.identify(&context, &bearer).await?;
        let expected = etag::expected(if_match.0.as_deref())?;
        let work = self.0.run(&context, |auth, origin| async move {
            delete::run(&auth, &origin, &identity, id.0.into(), &expected).await
        });
        work.await?.map_err(|error| match error {
            delete::Error::OwnAccount => Problem::new(ProblemCode::Forbidden)
                .with_detail("One's own account is deleted at /auth/me, with its password."),
            delete::Error::Refused(error) => refused(error),
        })?;
        Ok(Deleted::Done)
    }
}

impl OneUser {
    async fn change(
        &self,
        context: &RequestContext,
        identity: Identity,
        id: Uuid,
        if_match: Option<String>,
        change: Change,
    ) -> Result<TaggedUser, Problem> {
        let expected = etag::expected(if_match.as_deref())?;
        let work = self.0.run(context, |auth, origin| async move {
            update::run(&auth, &origin, &identity, id.into(), &expected, change).await
        });
        let user = work.await?.map_err(not_changed)?;
        Ok(TaggedUser::from(&user))
    }
}

/// Why an account was not changed.
pub(in crate::http::routes) fn not_changed(error: update::Error) -> Problem {
    match error {
        update::Error::ProfileError(error) => profile_problem(&error),
        update::Error::EmailTaken => Problem::new(ProblemCode::EmailTaken),
        update::Error::UsernameTaken => Problem::new(ProblemCode::UsernameTaken),
        update::Error::Refused(error) => refused(error),
    }
}
