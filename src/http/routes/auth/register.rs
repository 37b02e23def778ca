//! POST /auth/register.

use poem_openapi::types::Example;
use poem_openapi::{Object, OpenApi};
use serde::Deserialize;

use crate::actions::accounts::register;
use crate::actions::accounts::registration::Input;
use crate::http::api::Api;
use crate::http::dto::account::{AccountFields, ProfileBody};
use crate::http::dto::tokens::Tokens;
use crate::http::error_responses::{ALWAYS, BODY, error_responses};
use crate::http::fields::Fields;
use crate::http::idempotency::{IDEMPOTENCY, IdempotencyHeader};
use crate::http::middleware::RequestContext;
use crate::http::payload::StrictJson;
use crate::http::problem::Problem;
use crate::http::responses::Created;
use crate::http::routes::Tag;

/// An account to register.
#[derive(Object, Deserialize)]
#[oai(rename_all = "camelCase", deny_unknown_fields, example)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct NewAccount {
    /// Email address; unique among accounts, regardless of case.
    #[oai(validator(max_length = 254))]
    email: String,
    /// Password, 8 to 128 characters of any kind; the minimum is configurable.
    #[oai(validator(max_length = 128))]
    password: String,
    /// Display name, 1 to 100 characters.
    #[oai(skip_serializing_if_is_none)]
    name: Option<String>,
    /// Second identifier to log in with: 3 to 50 letters, digits, `.`, `_` or `-`; unique
    /// regardless of case.
    #[oai(skip_serializing_if_is_none)]
    username: Option<String>,
    /// Account type: `user`, `artist` or another configured type. Defaults to `user`.
    #[oai(skip_serializing_if_is_none, validator(max_length = 32))]
    account_type: Option<String>,
    /// Profile, valid by the schema of the account type; at most 4 KiB.
    #[oai(skip_serializing_if_is_none)]
    profile: Option<ProfileBody>,
}

impl Example for NewAccount {
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
    /// `auth.user.login_failed`.
    #[oai(path = "/auth/register", method = "post", operation_id = "register", tag = "Tag::Authentication")]
    async fn register(
        &self,
        context: RequestContext,
        /// Makes the request idempotent: 1 to 255 visible ASCII characters, unique to this request,
        /// such as a UUID.
        #[oai(name = "Idempotency-Key")]
        key: IdempotencyHeader,
        body: StrictJson<NewAccount>,
    ) -> Result<Created<Tokens>, RegisterError> {
        let mut input = parse(body.0)?;
        input.idempotency_key = key.0;
        let pair = self.0.call(&context, |cx| register::run(cx, input)).await?;
        context.set_user(pair.user.id);
        Ok(Created::new(pair))
    }
}

fn parse(body: NewAccount) -> Result<Input, Problem> {
    let mut fields = Fields::default();
    let account = AccountFields {
        email: body.email,
        password: body.password,
        name: body.name,
        username: body.username,
        account_type: body.account_type,
        profile: body.profile,
    };
    let input = account.parse(&mut fields);
    fields.finish(input)
}
