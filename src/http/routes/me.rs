//! GET, PATCH and DELETE /auth/me.

use poem_openapi::payload::Json;
use poem_openapi::{ApiResponse, Object, OpenApi};
use serde::Deserialize;

use super::Tag;
use super::body::{Fields, UserBody};
use super::confirmation::{Confirmation, unconfirmed};
use super::refusals::{ALWAYS, BEARER, BODY, refusals};
use crate::actions::{delete_account, update_profile};
use crate::http::api::{Api, failure};
use crate::http::bearer::BearerToken;
use crate::http::middleware::RequestContext;
use crate::http::payload::{Patch, StrictJson};
use crate::http::problem::{Problem, ProblemCode};

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

refusals! {
    /// Why there is no user to show.
    ReadRefused: [BEARER, ALWAYS], []
}
refusals! {
    /// Why nothing was changed.
    ChangeRefused: [BODY, BEARER, ALWAYS], [UsernameTaken, RateLimited]
}
refusals! {
    /// Why the account is still there.
    DeleteRefused: [BODY, BEARER, ALWAYS], [RateLimited, Overloaded]
}

/// The resource.
pub struct Me(pub Api);

#[OpenApi]
impl Me {
    /// Show the signed-in user
    #[oai(path = "/auth/me", method = "get", operation_id = "getMe", tag = "Tag::Account")]
    async fn get(&self, context: RequestContext, bearer: BearerToken) -> Result<Found, ReadRefused> {
        let identity = self.0.identify(&context, &bearer).await?;
        Ok(Found::Ok(Json(UserBody::from(&*identity.user))))
    }

    /// Change the signed-in user
    ///
    /// Records `auth.user.updated` with the names of the fields that changed.
    #[oai(path = "/auth/me", method = "patch", operation_id = "updateMe", tag = "Tag::Account")]
    async fn patch(
        &self,
        context: RequestContext,
        bearer: BearerToken,
        body: StrictJson<ProfilePatch>,
    ) -> Result<Changed, ChangeRefused> {
        let identity = self.0.identify(&context, &bearer).await?;
        let change = change(body.0)?;
        let work = self.0.run(&context, |auth, origin| async move {
            update_profile::run(&auth, &origin, &identity, change).await
        });
        let user = work.await?.map_err(|error| match error {
            update_profile::Error::UsernameTaken => Problem::new(ProblemCode::UsernameTaken),
            update_profile::Error::SessionEnded => Problem::new(ProblemCode::InvalidToken),
            update_profile::Error::Failure(error) => failure(error),
        })?;
        Ok(Changed::Ok(Json(UserBody::from(&user))))
    }

    /// Delete the signed-in user's account
    ///
    /// Asks for the password, ends every session and frees the identifiers. Records `auth.user.deleted`, or
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
    ) -> Result<Deleted, DeleteRefused> {
        let identity = self.0.identify(&context, &bearer).await?;
        let password = body.0.parse()?;
        let work = self.0.run(&context, |auth, origin| async move {
            delete_account::run(&auth, &origin, &identity, password).await
        });
        work.await?.map_err(|error| unconfirmed(error, "/password"))?;
        Ok(Deleted::Done)
    }
}

fn change(body: ProfilePatch) -> Result<update_profile::Input, Problem> {
    let mut fields = Fields::default();
    let name = body
        .name
        .into_option()
        .map(|name| name.map(|name| fields.parse("/name", &name)));
    let username = body
        .username
        .into_option()
        .map(|name| name.map(|name| fields.parse("/username", &name)));
    let change = update_profile::Input {
        name: name.map(Option::flatten),
        username: username.map(Option::flatten),
    };
    fields.finish(Some(change))
}
