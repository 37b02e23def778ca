//! POST /auth/register.

use poem_openapi::payload::Json;
use poem_openapi::{ApiResponse, Object, OpenApi};
use serde::Deserialize;

use crate::actions::accounts::register::{self, Input};
use crate::domain::password::Password;
use crate::domain::user::AccountType;
use crate::http::api::Api;
use crate::http::dto::account::{self, ProfileBody, profile_fields};
use crate::http::dto::user::{Fields, Tokens};
use crate::http::error_responses::{ALWAYS, BODY, error_responses};
use crate::http::idempotency::{IDEMPOTENCY, IdempotencyHeader};
use crate::http::middleware::RequestContext;
use crate::http::payload::StrictJson;
use crate::http::problem::Problem;
use crate::http::routes::Tag;
use crate::http::routes::users::collection::not_registered;

/// Who wants an account.
#[derive(Object, Deserialize)]
#[oai(rename_all = "camelCase", deny_unknown_fields, example)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct NewAccount {
    /// The address; one account per address, regardless of case.
    #[oai(validator(max_length = 254))]
    email: String,
    /// At least 8 characters unless configured otherwise, at most 128; no rules about their kinds.
    #[oai(validator(max_length = 128))]
    password: String,
    /// The display name, 1 to 100 characters.
    #[oai(skip_serializing_if_is_none)]
    name: Option<String>,
    /// A second identifier to log in with: 3 to 50 letters, digits, `.`, `_` or `-`; unique regardless of case.
    #[oai(skip_serializing_if_is_none)]
    username: Option<String>,
    /// The kind of account: `user`, `artist` or another one that is configured; `user` when left out.
    #[oai(skip_serializing_if_is_none, validator(max_length = 32))]
    account_type: Option<String>,
    /// What the account says about itself, as the schema of its type wants it; at most 4 KiB.
    #[oai(skip_serializing_if_is_none)]
    profile: Option<ProfileBody>,
}

impl poem_openapi::types::Example for NewAccount {
    fn example() -> Self {
        Self {
            email: "test@example.com".to_owned(),
            password: "password123!x".to_owned(),
            name: Some("Test User".to_owned()),
            username: None,
            account_type: None,
            profile: None,
        }
    }
}

/// The new account, signed in.
#[derive(ApiResponse)]
enum Registered {
    /// The account exists, and so does its event.
    #[oai(status = 201)]
    Created(Json<Tokens>),
}

error_responses! {
    /// Why there is no new account.
    RegisterError: [BODY, IDEMPOTENCY, ALWAYS], [EmailTaken, UsernameTaken, AnswerSpent, RateLimited, Overloaded]
}

/// The resource.
pub struct Register(pub Api);

#[OpenApi]
impl Register {
    /// Register an account
    ///
    /// Makes an account and signs it in. Records `auth.user.registered`.
    ///
    /// With an `Idempotency-Key` it can be sent again for a day: the same request gets the same account, session and refresh token
    /// and a new access token, until that refresh token is used. Another password than the account's is refused, and records
    /// `auth.user.login_failed`.
    #[oai(
        path = "/auth/register",
        method = "post",
        operation_id = "register",
        tag = "Tag::Authentication"
    )]
    async fn register(
        &self,
        context: RequestContext,
        /// Makes the request one that can be repeated: 1 to 255 visible ASCII characters that no other request has, such as a UUID.
        #[oai(name = "Idempotency-Key")]
        key: IdempotencyHeader,
        body: StrictJson<NewAccount>,
    ) -> Result<Registered, RegisterError> {
        let mut input = parse(body.0)?;
        input.idempotency_key = key.0;
        let outcome = self
            .0
            .run(&context, |auth, origin| async move {
                register::run(&auth, &origin, input).await
            })
            .await?;
        let pair = outcome.map_err(not_registered)?;
        context.set_user(pair.user.id);
        Ok(Registered::Created(Json(pair.into())))
    }
}

fn parse(body: NewAccount) -> Result<Input, Problem> {
    let mut fields = Fields::default();
    let email = fields.parse("/email", &body.email);
    let password = fields.take("/password", Password::parse(&body.password));
    let name = body.name.map(|name| fields.parse("/name", &name));
    let username = body.username.map(|name| fields.parse("/username", &name));
    let given = body.account_type.as_deref();
    let account_type = given.map_or_else(
        || Some(AccountType::user()),
        |text| account::account_type(&mut fields, text),
    );
    let required = email.zip(password).zip(account_type);
    let input = required.map(|((email, password), account_type)| Input {
        email,
        password,
        name: name.flatten(),
        username: username.flatten(),
        account_type,
        profile: body.profile.map(profile_fields),
        idempotency_key: None,
    });
    fields.finish(input)
}
