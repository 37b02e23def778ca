//! GET, PATCH and DELETE /auth/me.

pub mod activity;

use poem_openapi::payload::Json;
use poem_openapi::{ApiResponse, Object, OpenApi};
use serde::Deserialize;

use crate::actions::accounts::change::Change;
use crate::actions::accounts::delete;
use crate::actions::users::update;
use crate::domain::user::version::Expected;
use crate::http::api::Api;
use crate::http::bearer::BearerToken;
use crate::http::dto::account::ProfileBody;
use crate::http::dto::password_confirmation::{Confirmation, unconfirmed};
use crate::http::dto::user::{Fields, UserBody};
use crate::http::dto::user_changes::own_change;
use crate::http::error_responses::{ALWAYS, BEARER, BODY, error_responses};
use crate::http::middleware::RequestContext;
use crate::http::payload::{Patch, StrictJson};
use crate::http::problem::{Problem, ProblemCode};
use crate::http::routes::Tag;
use crate::http::routes::users::item::not_changed;

/// What to change: a field that is left out stays, `null` removes it.
#[derive(Object, Deserialize)]
#[oai(rename_all = "camelCase", deny_unknown_fields)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct ProfilePatch {
    /// The display name, 1 to 100 characters.
    #[oai(default)]
    #[serde(default)]
    name: Patch<String>,
    /// A second identifier to log in with: 3 to 50 letters, digits, `.`, `_` or `-`; unique regardless of case.
    #[oai(default)]
    #[serde(default)]
    username: Patch<String>,
    /// Merged into the profile (RFC 7396): `null` removes a field, or the whole profile.
    #[oai(default)]
    #[serde(default)]
    profile: Patch<ProfileBody>,
}

/// The user.
#[derive(ApiResponse)]
enum Found {
    /// The signed-in user, at most one second old.
    #[oai(status = 200)]
    Ok(Json<UserBody>),
}

/// The user after the change.
#[derive(ApiResponse)]
enum Changed {
    /// The user as it is now.
    #[oai(status = 200)]
    Ok(Json<UserBody>),
}

/// The account is gone.
#[derive(ApiResponse)]
enum Deleted {
    /// Every session has ended; the identifiers are free again.
    #[oai(status = 204)]
    Done,
}

error_responses! {
    /// Why there is no user to show.
    GetError: [BEARER, ALWAYS], []
}
error_responses! {
    /// Why nothing was changed.
    ChangeError: [BODY, BEARER, ALWAYS], [UsernameTaken, RateLimited]
}
error_responses! {
    /// Why the account is still there.
    DeleteError: [BODY, BEARER, ALWAYS], [LastAdministrator, RateLimited, Overloaded]
}

/// The resource.
pub struct Me(pub Api);

#[OpenApi]
impl Me {
    /// Show the signed-in user
    #[oai(path = "/auth/me", method = "get", operation_id = "getMe", tag = "Tag::Account")]
    async fn get(&self, context: RequestContext, bearer: BearerToken) -> Result<Found, GetError> {
        let identity = self.0.identify(&context, &bearer).await?;
        Ok(Found::Ok(Json(UserBody::from(&*identity.user))))
    }

    /// Change the signed-in user
    ///
    /// Records `auth.user.username_changed`, and `auth.user.updated` with the names of the other fields that changed.
    #[oai(path = "/auth/me", method = "patch", operation_id = "updateMe", tag = "Tag::Account")]
    async fn patch(
        &self,
        context: RequestContext,
        bearer: BearerToken,
        body: StrictJson<ProfilePatch>,
    ) -> Result<Changed, ChangeError> {
        let identity = self.0.identify(&context, &bearer).await?;
        let change = change(body.0)?;
        let work = self.0.run(&context, |auth, origin| async move {
            update::run_own(&auth, &origin, &identity, &Expected::Any, change).await
        });
        let user = work.await?.map_err(not_changed)?;
        Ok(Changed::Ok(Json(UserBody::from(&user))))
    }

    /// Delete the signed-in user's account
    ///
    /// Asks for the password, ends every session and frees the identifiers; the last active administrator stays. Records `auth.user.deleted`, or
    /// `auth.user.login_failed` for a wrong password.
    #[oai(
        path = "/auth/me",
        method = "delete",
        operation_id = "deleteMe",
        tag = "Tag::Account"
    )]
    async fn delete(
        &self,
        context: RequestContext,
        bearer: BearerToken,
        body: StrictJson<Confirmation>,
    ) -> Result<Deleted, DeleteError> {
        let identity = self.0.identify(&context, &bearer).await?;
        let password = body.0.parse()?;
        let work = self.0.run(&context, |auth, origin| async move {
            delete::run(&auth, &origin, &identity, password).await
        });
        work.await?.map_err(|error| match error {
            delete::Error::Password(error) => unconfirmed(error, "/password"),
            delete::Error::LastAdministrator => Problem::new(ProblemCode::LastAdministrator),
        })?;
        Ok(Deleted::Done)
    }
}

fn change(body: ProfilePatch) -> Result<Change, Problem> {
    let mut fields = Fields::default();
    let change = own_change(&mut fields, body.name, body.username, body.profile);
    fields.finish(Some(change))
}
