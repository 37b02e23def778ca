//! The parameters by which users are chosen.

use poem_openapi::registry::{MetaSchema, MetaSchemaRef};

use crate::domain::text;
use crate::domain::user::UserStatus;
use crate::domain::user::account::{AccountType, Role};
use crate::http::query::{ParamError, Parameter};

/// How many users a page has: 1 to 100, 20 when nothing is said.
#[derive(Debug, Clone, Copy)]
pub struct PageSize(u64);

/// Which page, from 1.
#[derive(Debug, Clone, Copy)]
pub struct PageNumber(pub u64);

/// What to look for: 3 to 100 characters.
#[derive(Debug, Clone)]
pub struct Search(pub String);

impl PageSize {
    const DEFAULT: u64 = 20;
    const MOST: u64 = 100;

    /// The number asked for.
    pub fn or_default(asked: Option<Self>) -> u64 {
        asked.map_or(Self::DEFAULT, |size| size.0)
    }
}

impl PageNumber {
    const MOST: u64 = 10_000;
}

fn number(text: &str, most: u64) -> Option<u64> {
    let digits = text.bytes().all(|byte| byte.is_ascii_digit());
    let number = digits.then(|| text.parse().ok()).flatten()?;
    (1..=most).contains(&number).then_some(number)
}

fn whole(most: f64, default: u64) -> MetaSchemaRef {
    MetaSchemaRef::Inline(Box::new(MetaSchema {
        minimum: Some(1.0),
        maximum: Some(most),
        default: Some(default.into()),
        ..MetaSchema::new_with_format("integer", "int32")
    }))
}

fn named() -> MetaSchemaRef {
    MetaSchemaRef::Inline(Box::new(MetaSchema {
        min_length: Some(1),
        max_length: Some(32),
        pattern: Some("^[a-z][a-z0-9_-]*$".to_owned()),
        ..MetaSchema::new("string")
    }))
}

const NAME: &str = "must be lower-case letters, digits, '_' and '-', and begin with a letter";

impl Parameter for PageSize {
    fn schema() -> MetaSchemaRef {
        whole(100.0, Self::DEFAULT)
    }

    fn parse(text: &str) -> Result<Self, ParamError> {
        let refused = || ParamError::new("out_of_range", "must be a whole number from 1 to 100");
        number(text, Self::MOST).map(Self).ok_or_else(refused)
    }
}

impl Parameter for PageNumber {
    fn schema() -> MetaSchemaRef {
        whole(10_000.0, 1)
    }

    fn parse(text: &str) -> Result<Self, ParamError> {
        let refused = || ParamError::new("out_of_range", "must be a whole number from 1 to 10000");
        number(text, Self::MOST).map(Self).ok_or_else(refused)
    }
}

impl Parameter for Search {
    fn schema() -> MetaSchemaRef {
        MetaSchemaRef::Inline(Box::new(MetaSchema {
            min_length: Some(3),
            max_length: Some(100),
            ..MetaSchema::new("string")
        }))
    }

    fn parse(text: &str) -> Result<Self, ParamError> {
        // Shorter parts have no trigram that an index could lead to.
        text::normalize(text, 3, 100)
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
