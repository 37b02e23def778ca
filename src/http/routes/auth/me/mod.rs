//! GET, PATCH and DELETE /auth/me.

pub mod activity;

use poem_openapi::OpenApi;

use crate::actions::accounts::{delete, update};
use crate::domain::user::version::Expected;
use crate::http::api::Api;
use crate::http::bearer::BearerToken;
use crate::http::dto::password_confirmation::PasswordConfirmation;
use crate::http::dto::user::UserBody;
use crate::http::dto::user_changes::ProfilePatch;
use crate::http::error_responses::{ALWAYS, BEARER, BODY, error_responses};
use crate::http::middleware::RequestContext;
use crate::http::payload::StrictJson;
use crate::http::problem::{Problem, ProblemCode};
use crate::http::responses::{NoContent, Success};
use crate::http::routes::Tag;

error_responses! { GetError: [BEARER, ALWAYS], [] }
error_responses! { UpdateError: [BODY, BEARER, ALWAYS], [UsernameTaken, RateLimited] }
error_responses! { DeleteError: [BODY, BEARER, ALWAYS], [LastAdministrator, RateLimited, Overloaded] }

pub struct Me(pub Api);

#[OpenApi]
impl Me {
    /// Get the caller's account
    ///
    /// Returns the caller as they were at most one second ago.
    #[oai(path = "/auth/me", method = "get", operation_id = "getMe", tag = "Tag::Account")]
    async fn get(&self, context: RequestContext, bearer: BearerToken) -> Result<Success<UserBody>, GetError> {
        let caller = self.0.identify(&context, &bearer).await?;
        Ok(Success::new(&*caller.user))
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
        body: StrictJson<ProfilePatch>,
    ) -> Result<Success<UserBody>, UpdateError> {
        let caller = self.0.identify(&context, &bearer).await?;
        let change = body.0.parse()?;
        let user = self.0.call(&context, |cx| update::run(cx, caller, Expected::Any, change)).await?;
        Ok(Success::new(user))
    }

    /// Delete the caller's account
    ///
    /// Requires the password. Ends all sessions and frees the email address and the username. The
    /// last active administrator cannot delete their account. Records `auth.user.deleted`, or
    /// `auth.user.reauthentication_failed` for a wrong password.
    #[oai(path = "/auth/me", method = "delete", operation_id = "deleteMe", tag = "Tag::Account")]
    async fn delete(
        &self,
        context: RequestContext,
        bearer: BearerToken,
        body: StrictJson<PasswordConfirmation>,
    ) -> Result<NoContent, DeleteError> {
        let caller = self.0.identify(&context, &bearer).await?;
        let password = body.0.parse()?;
        self.0.call(&context, |cx| delete::run(cx, caller, password)).await?;
        Ok(NoContent::Done)
    }
}

impl From<delete::Refusal> for Problem {
    fn from(refusal: delete::Refusal) -> Self {
        match refusal {
            delete::Refusal::Password(refusal) => refusal.into(),
            delete::Refusal::LastAdministrator => Self::new(ProblemCode::LastAdministrator),
        }
    }
}
