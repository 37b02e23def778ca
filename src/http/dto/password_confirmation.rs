//! The caller's password, for operations that an access token alone must not allow.

use poem_openapi::Object;
use poem_openapi::types::Example;
use serde::Deserialize;

use crate::actions::passwords::confirm::Refusal;
use crate::domain::password::Password;
use crate::http::fields::only_field;
use crate::http::problem::{FieldError, Problem, ProblemCode};

/// The caller's password, again.
#[derive(Object, Deserialize)]
#[oai(rename = "PasswordConfirmation", rename_all = "camelCase", deny_unknown_fields, example)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct PasswordConfirmation {
    /// The account's password.
    #[oai(validator(max_length = 128))]
    password: String,
}

impl Example for PasswordConfirmation {
    fn example() -> Self {
        Self { password: "password123!x".to_owned() }
    }
}

impl PasswordConfirmation {
    /// # Errors
    /// 422 when it cannot be a password.
    pub fn parse(&self) -> Result<Password, Problem> {
        only_field("/password", Password::parse(&self.password))
    }
}

/// 422 for a wrong password in the field at `pointer`.
#[must_use]
pub fn wrong_password(pointer: &str) -> Problem {
    let detail = "is not the account's password";
    FieldError::new(pointer, "wrong_password", detail).into()
}

impl From<Refusal> for Problem {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::WrongPassword => wrong_password("/password"),
            Refusal::SessionEnded => Self::new(ProblemCode::InvalidToken),
        }
    }
}
