//! The password again, where a stolen session must not be enough.

use poem_openapi::Object;
use poem_openapi::types::Example;
use serde::Deserialize;

use super::user::Fields;
use crate::actions::passwords::confirm::Error;
use crate::domain::password::Password;
use crate::http::api::failure;
use crate::http::problem::{FieldError, Problem, ProblemCode};

/// Proof that it is the owner who asks.
#[derive(Object, Deserialize)]
#[oai(rename_all = "camelCase", deny_unknown_fields, example)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Confirmation {
    /// The account's password.
    #[oai(validator(max_length = 128))]
    password: String,
}

impl Example for Confirmation {
    fn example() -> Self {
        Self {
            password: "password123!x".to_owned(),
        }
    }
}

impl Confirmation {
    /// The password.
    ///
    /// # Errors
    /// 422 when no password is like that.
    pub fn parse(&self) -> Result<Password, Problem> {
        let mut fields = Fields::default();
        let password = fields.take("/password", Password::parse(&self.password));
        fields.finish(password)
    }
}

/// Why it was not confirmed; `pointer` is where the password stood.
#[must_use]
pub fn unconfirmed(error: Error, pointer: &str) -> Problem {
    match error {
        Error::WrongPassword => Problem::validation(vec![FieldError::new(
            pointer,
            "wrong_password",
            "is not the account's password",
        )]),
        Error::SessionEnded => Problem::new(ProblemCode::InvalidToken),
        Error::Failure(error) => failure(error),
    }
}
