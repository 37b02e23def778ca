//! POST /auth/me/delete. `DELETE` has no body that a client can rely on (RFC 9110 section 9.3.5),
//! and this operation needs the password.

use poem_openapi::OpenApi;

use crate::actions::accounts::delete;
use crate::http::api::Api;
use crate::http::bearer::BearerToken;
use crate::http::dto::password_confirmation::PasswordConfirmation;
use crate::http::error_responses::{ALWAYS, BEARER, BODY, error_responses};
use crate::http::middleware::RequestContext;
use crate::http::payload::StrictJson;
use crate::http::problem::{Problem, ProblemCode};
use crate::http::responses::NoContent;
use crate::http::routes::Tag;

error_responses! { DeleteError: [BODY, BEARER, ALWAYS], [LastAdministrator, RateLimited, Overloaded] }

pub struct Deletion(pub Api);

#[OpenApi]
impl Deletion {
    /// Delete the caller's account
    ///
    /// Requires the password. Ends all sessions and frees the email address and the username. The
    /// last active administrator cannot delete their account. Records `auth.user.deleted`, or
    /// `auth.user.reauthentication_failed` for a wrong password.
    #[oai(path = "/auth/me/delete", method = "post", operation_id = "deleteMe", tag = "Tag::Account")]
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
