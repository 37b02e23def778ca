//! POST /auth/register.

use poem_openapi::OpenApi;

use crate::actions::accounts::register;
use crate::http::api::Api;
use crate::http::dto::account::RegisterRequest;
use crate::http::dto::tokens::TokenResponse;
use crate::http::error_responses::{ALWAYS, BODY, error_responses};
use crate::http::idempotency::{IDEMPOTENCY, IdempotencyHeader};
use crate::http::middleware::RequestContext;
use crate::http::payload::StrictJson;
use crate::http::responses::Created;
use crate::http::routes::Tag;

error_responses! {
    RegisterError: [BODY, IDEMPOTENCY, ALWAYS], [EmailTaken, UsernameTaken, AnswerSpent, RateLimited, Overloaded]
}

pub struct Register(pub Api);

#[OpenApi]
impl Register {
    /// Register an account
    ///
    /// Creates an account and logs it in. Records `auth.user.registered`.
    ///
    /// With an `Idempotency-Key` the request can be repeated for a day: the same request gets the
    /// same account, session and refresh token and a new access token, until that refresh token is
    /// used. A repeated request with another password is refused and records
    /// `auth.user.reauthentication_failed`.
    #[oai(path = "/auth/register", method = "post", operation_id = "register", tag = "Tag::Authentication")]
    async fn register(
        &self,
        context: RequestContext,
        /// Makes the request idempotent: 1 to 255 visible ASCII characters, unique to this request,
        /// such as a UUID.
        #[oai(name = "Idempotency-Key")]
        key: IdempotencyHeader,
        body: StrictJson<RegisterRequest>,
    ) -> Result<Created<TokenResponse>, RegisterError> {
        let mut input = body.0.parse()?;
        input.idempotency_key = key.0;
        let pair = self.0.call(&context, |cx| register::run(cx, input)).await?;
        context.set_user(pair.user.id);
        let location = self.0.path_of(&format!("/users/{}", pair.user.id));
        Ok(Created::new(pair, location))
    }
}
