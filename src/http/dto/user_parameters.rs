//! Query parameters that select users.

use poem_openapi::registry::{MetaSchema, MetaSchemaRef};

use crate::domain::text;
use crate::domain::user::UserStatus;
use crate::domain::user::account_type::AccountType;
use crate::domain::user::role::Role;
use crate::http::parameters::{Bounded, ParamError, Parameter};

/// The number of a page, from 1.
pub type PageNumber = Bounded<1, 10_000>;

/// A text to search for: 1 to 100 characters.
#[derive(Debug, Clone)]
pub struct Search(pub String);

fn named() -> MetaSchemaRef {
    MetaSchemaRef::Inline(Box::new(MetaSchema {
        min_length: Some(1),
        max_length: Some(32),
        pattern: Some("^[a-z][a-z0-9_-]*$".to_owned()),
        ..MetaSchema::new("string")
    }))
}

const NAME: &str = "must be lower-case letters, digits, '_' and '-', and begin with a letter";

impl Parameter for Search {
    fn schema() -> MetaSchemaRef {
        MetaSchemaRef::Inline(Box::new(MetaSchema {
            min_length: Some(1),
            max_length: Some(100),
            ..MetaSchema::new("string")
        }))
    }

    fn parse(text: &str) -> Result<Self, ParamError> {
        text::normalize(text, 1, 100)
            .map(Self)
            .map_err(|error| ParamError::new(error.code(), error.to_string()))
    }
}

impl Parameter for Role {
    fn schema() -> MetaSchemaRef {
        named()
    }

    fn parse(text: &str) -> Result<Self, ParamError> {
        text.parse().map_err(|_| ParamError::new("invalid_format", NAME))
    }
}

impl Parameter for AccountType {
    fn schema() -> MetaSchemaRef {
        named()
    }

    fn parse(text: &str) -> Result<Self, ParamError> {
        text.parse().map_err(|_| ParamError::new("invalid_format", NAME))
    }
}

impl Parameter for UserStatus {
    fn schema() -> MetaSchemaRef {
        MetaSchemaRef::Inline(Box::new(MetaSchema {
            enum_items: ["active", "disabled", "deleted"].map(Into::into).to_vec(),
            ..MetaSchema::new("string")
        }))
    }

    fn parse(text: &str) -> Result<Self, ParamError> {
        let refused = |_| ParamError::new("unknown_status", "must be active, disabled or deleted");
        text.parse().map_err(refused)
    }
}
