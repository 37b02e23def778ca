//! PUT and DELETE /users/{id}/roles/{role}.

use poem_openapi::OpenApi;
use uuid::Uuid;

use crate::actions::users::roles::{self, Refusal};
use crate::domain::user::role::Role;
use crate::http::api::Api;
use crate::http::bearer::BearerToken;
use crate::http::dto::account::unknown_role;
use crate::http::dto::user::UserBody;
use crate::http::error_responses::{ALWAYS, BEARER, error_responses};
use crate::http::etag::IfMatch;
use crate::http::middleware::RequestContext;
use crate::http::parameters::path::Path;
use crate::http::problem::Problem;
use crate::http::responses::Tagged;
use crate::http::routes::Tag;

error_responses! {
    GrantError: [BEARER, ALWAYS], [InvalidParameter, Forbidden, NotFound, PreconditionFailed, RateLimited]
}
error_responses! {
    RevokeError: [BEARER, ALWAYS],
        [InvalidParameter, Forbidden, NotFound, LastAdministrator, PreconditionFailed, RateLimited]
}

pub struct UserRoles(pub Api);

#[OpenApi]
impl UserRoles {
    /// Grant a role
    ///
    /// Grants a role to a user: at once in this service, in access tokens after the next refresh.
    /// For administrators. Records `auth.user.role_granted`, unless the user has the role already.
    #[oai(path = "/users/:id/roles/:role", method = "put", operation_id = "grantRole", tag = "Tag::Users")]
    async fn grant(
        &self,
        context: RequestContext,
        bearer: BearerToken,
        /// ID of the user.
        id: Path<Uuid>,
        /// Role to grant: `user`, `artist`, `admin` or another configured role.
        role: Path<Role>,
        /// Grant the role only if the user still has this `ETag`.
        #[oai(name = "If-Match")]
        if_match: IfMatch,
    ) -> Result<Tagged<UserBody>, GrantError> {
        let caller = self.0.identify(&context, &bearer).await?;
        let (target, role) = (id.0.into(), role.0);
        let user = self.0.call(&context, |cx| roles::grant(cx, caller, target, if_match.0, role)).await?;
        Ok(Tagged::from(&user))
    }

    /// Revoke a role
    ///
    /// Revokes a role of a user. The last active administrator cannot be demoted. For
    /// administrators. Records `auth.user.role_revoked`, unless the user does not have the role.
    #[oai(path = "/users/:id/roles/:role", method = "delete", operation_id = "revokeRole", tag = "Tag::Users")]
    async fn revoke(
        &self,
        context: RequestContext,
        bearer: BearerToken,
        /// ID of the user.
        id: Path<Uuid>,
        /// Role to revoke.
        role: Path<Role>,
        /// Revoke the role only if the user still has this `ETag`.
        #[oai(name = "If-Match")]
        if_match: IfMatch,
    ) -> Result<Tagged<UserBody>, RevokeError> {
        let caller = self.0.identify(&context, &bearer).await?;
        let (target, role) = (id.0.into(), role.0);
        let user = self.0.call(&context, |cx| roles::revoke(cx, caller, target, if_match.0, role)).await?;
        Ok(Tagged::from(&user))
    }
}

impl From<Refusal> for Problem {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::UnknownRole => unknown_role().of_parameter("role").into(),
            Refusal::Admin(refusal) => refusal.into(),
        }
    }
}
