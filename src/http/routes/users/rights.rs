//! What users may do, and whether: /users/{id}/roles/{role}, /disable, /enable, /unlock, /mfa and /sessions.

use poem_openapi::param::Path;
use poem_openapi::{ApiResponse, OpenApi};
use uuid::Uuid;

use super::collection::refused;
use crate::actions::users::{remove_mfa, revoke_sessions, roles, status, unlock};
use crate::domain::user::account::Role;
use crate::http::api::Api;
use crate::http::bearer::BearerToken;
use crate::http::dto::account::unknown_role;
use crate::http::dto::user::TaggedUser;
use crate::http::error_responses::{ALWAYS, BEARER, error_responses};
use crate::http::middleware::RequestContext;
use crate::http::problem::Problem;
use crate::http::routes::Tag;

/// It is done.
#[derive(ApiResponse)]
enum Done {
    /// It is so from now on.
    #[oai(status = 204)]
    Done,
}

error_responses! {
    /// Why the roles are as they were.
    GrantError: [BEARER, ALWAYS], [InvalidParameter, Forbidden, NotFound, ValidationFailed, RateLimited]
}
error_responses! {
    /// Why the roles are as they were.
    RevokeError: [BEARER, ALWAYS],
        [InvalidParameter, Forbidden, NotFound, LastAdministrator, ValidationFailed, RateLimited]
}
error_responses! {
    /// Why the user is not disabled.
    DisableError: [BEARER, ALWAYS], [InvalidParameter, Forbidden, NotFound, LastAdministrator, RateLimited]
}
error_responses! {
    /// Why it was not done.
    AdminError: [BEARER, ALWAYS], [InvalidParameter, Forbidden, NotFound, RateLimited]
}

/// The resource.
pub struct UserRights(pub Api);

#[OpenApi]
impl UserRights {
    /// Grant a role
    ///
    /// For administrators. This service knows at once, access tokens after the next refresh. Records `auth.user.role_granted`,
    /// unless the user has the role.
    #[oai(
        path = "/users/:id/roles/:role",
        method = "put",
        operation_id = "grantRole",
        tag = "Tag::Users"
    )]
    async fn grant(
        &self,
        context: RequestContext,
        bearer: BearerToken,
        /// The user's id.
        id: Path<Uuid>,
        /// `user`, `artist`, `admin` or another role that is configured.
        #[oai(validator(max_length = 32))]
        role: Path<String>,
    ) -> Result<TaggedUser, GrantError> {
        let identity = self.0.identify(&context, &bearer).await?;
        let role = parse(&role.0)?;
        let work = self.0.run(&context, |auth, origin| async move {
            roles::grant(&auth, &origin, &identity, id.0.into(), role).await
        });
        Ok(TaggedUser::from(&work.await?.map_err(not_changed)?))
    }

    /// Take a role away
    ///
    /// For administrators. The last active administrator stays one. Records `auth.user.role_revoked`, unless the user does not
    /// have the role.
    #[oai(
        path = "/users/:id/roles/:role",
        method = "delete",
        operation_id = "revokeRole",
        tag = "Tag::Users"
    )]
    async fn revoke(
        &self,
        context: RequestContext,
        bearer: BearerToken,
        /// The user's id.
        id: Path<Uuid>,
        /// The role.
        #[oai(validator(max_length = 32))]
        role: Path<String>,
    ) -> Result<TaggedUser, RevokeError> {
        let identity = self.0.identify(&context, &bearer).await?;
        let role = parse(&role.0)?;
        let work = self.0.run(&context, |auth, origin| async move {
            roles::revoke(&auth, &origin, &identity, id.0.into(), role).await
        });
        Ok(TaggedUser::from(&work.await?.map_err(not_changed)?))
    }

    /// Disable a user
    ///
    /// For administrators. No login, no refresh, and every session ends. The last active administrator can't be disabled.
    /// Records `auth.user.disabled`, unless the user is disabled.
    #[oai(
        path = "/users/:id/disable",
        method = "post",
        operation_id = "disableUser",
        tag = "Tag::Users"
    )]
    async fn disable(
        &self,
        context: RequestContext,
        bearer: BearerToken,
        /// The user's id.
        id: Path<Uuid>,
    ) -> Result<TaggedUser, DisableError> {
        let identity = self.0.identify(&context, &bearer).await?;
        let work = self.0.run(&context, |auth, origin| async move {
            status::disable(&auth, &origin, &identity, id.0.into()).await
        });
        Ok(TaggedUser::from(&work.await?.map_err(refused)?))
    }

    /// Enable a disabled user
    ///
    /// For administrators. Records `auth.user.enabled`, unless the user is active.
    #[oai(
        path = "/users/:id/enable",
        method = "post",
        operation_id = "enableUser",
        tag = "Tag::Users"
    )]
    async fn enable(
        &self,
        context: RequestContext,
        bearer: BearerToken,
        /// The user's id.
        id: Path<Uuid>,
    ) -> Result<TaggedUser, AdminError> {
        let identity = self.0.identify(&context, &bearer).await?;
        let work = self.0.run(&context, |auth, origin| async move {
            status::enable(&auth, &origin, &identity, id.0.into()).await
        });
        Ok(TaggedUser::from(&work.await?.map_err(refused)?))
    }

    /// Forget a user's failed logins
    ///
    /// For administrators: who guessed at the account no longer keeps its owner waiting. What a network tried still counts
    /// against the network. Records `auth.user.unlocked`.
    #[oai(
        path = "/users/:id/unlock",
        method = "post",
        operation_id = "unlockUser",
        tag = "Tag::Users"
    )]
    async fn unlock(
        &self,
        context: RequestContext,
        bearer: BearerToken,
        /// The user's id.
        id: Path<Uuid>,
    ) -> Result<Done, AdminError> {
        let identity = self.0.identify(&context, &bearer).await?;
        let work = self.0.run(&context, |auth, origin| async move {
            unlock::run(&auth, &origin, &identity, id.0.into()).await
        });
        work.await?.map_err(refused)?;
        Ok(Done::Done)
    }

    /// Remove a user's second factor
    ///
    /// For administrators, when a user has lost the authenticator and the recovery codes: logins need the password alone again.
    /// Records `auth.user.mfa_removed`.
    #[oai(
        path = "/users/:id/mfa",
        method = "delete",
        operation_id = "removeUserMfa",
        tag = "Tag::Users"
    )]
    async fn remove_mfa(
        &self,
        context: RequestContext,
        bearer: BearerToken,
        /// The user's id.
        id: Path<Uuid>,
    ) -> Result<Done, AdminError> {
        let identity = self.0.identify(&context, &bearer).await?;
        let work = self.0.run(&context, |auth, origin| async move {
            remove_mfa::run(&auth, &origin, &identity, id.0.into()).await
        });
        work.await?.map_err(refused)?;
        Ok(Done::Done)
    }

    /// End all sessions of a user
    ///
    /// For administrators. Records one `auth.user.session_revoked` per session.
    #[oai(
        path = "/users/:id/sessions",
        method = "delete",
        operation_id = "revokeUserSessions",
        tag = "Tag::Users"
    )]
    async fn end_sessions(
        &self,
        context: RequestContext,
        bearer: BearerToken,
        /// The user's id.
        id: Path<Uuid>,
    ) -> Result<Done, AdminError> {
        let identity = self.0.identify(&context, &bearer).await?;
        let work = self.0.run(&context, |auth, origin| async move {
            revoke_sessions::run(&auth, &origin, &identity, id.0.into()).await
        });
        work.await?.map_err(refused)?;
        Ok(Done::Done)
    }
}

fn parse(role: &str) -> Result<Role, Problem> {
    role.parse()
        .map_err(|_| Problem::validation(vec![unknown_role("/role")]))
}

fn not_changed(error: roles::Error) -> Problem {
    match error {
        roles::Error::UnknownRole => Problem::validation(vec![unknown_role("/role")]),
        roles::Error::Refused(error) => refused(error),
    }
}
