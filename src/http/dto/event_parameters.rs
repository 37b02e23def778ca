//! Query parameters that select events.

use poem_openapi::registry::{MetaSchema, MetaSchemaRef};
use poem_openapi::types::Type as _;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use uuid::Uuid;
use watchword_events::CATALOGUE;

use crate::actions::events::list::Order;
use crate::http::parameters::{Bounded, ParamError, Parameter};

/// The number of entries on a page of any list: 1 to 200, 50 by default.
pub type PageSize = Bounded<50, 200>;

impl Parameter for Order {
    fn schema() -> MetaSchemaRef {
        MetaSchemaRef::Inline(Box::new(MetaSchema {
            enum_items: vec!["desc".into(), "asc".into()],
            default: Some("desc".into()),
            ..MetaSchema::new("string")
        }))
    }

    fn parse(text: &str) -> Result<Self, ParamError> {
        match text {
            "desc" => Ok(Self::NewestFirst),
            "asc" => Ok(Self::OldestFirst),
            _ => Err(ParamError::new("not_one_of", "must be `desc` or `asc`")),
        }
    }
}

/// Length of a UUID such as `01a2031e-cd40-7b21-9f0d-3a7e5c8d1b02`.
const HYPHENATED_LENGTH: usize = 36;

/// A subject of the catalogue. `auth.custom` stands for all custom events.
#[derive(Debug, Clone, Copy)]
pub struct Subject(pub &'static str);

impl Parameter for Subject {
    fn schema() -> MetaSchemaRef {
        // Not an enumeration: generators would make a type of it for every operation, and the
        // catalog grows.
        MetaSchemaRef::Inline(Box::new(MetaSchema {
            min_length: Some(1),
            max_length: Some(128),
            example: Some("auth.user.logged_in".into()),
            ..MetaSchema::new("string")
        }))
    }

    fn parse(text: &str) -> Result<Self, ParamError> {
        let known = CATALOGUE.iter().find(|event| event.subject == text);
        let detail = "must be the subject of an event of the catalogue; `auth.custom` stands for all custom events";
        let unknown = || ParamError::new("unknown_subject", detail);
        known.map(|event| Self(event.subject)).ok_or_else(unknown)
    }
}

impl Parameter for Uuid {
    fn schema() -> MetaSchemaRef {
        Self::schema_ref()
    }

    fn parse(text: &str) -> Result<Self, ParamError> {
        // The parser also knows forms without hyphens, with braces and with a prefix. A resource
        // has one address.
        let hyphenated = text.len() == HYPHENATED_LENGTH;
        let id = hyphenated.then(|| text.parse().ok()).flatten();
        id.ok_or_else(|| ParamError::new("invalid_format", "must be a UUID"))
    }
}

impl Parameter for OffsetDateTime {
    fn schema() -> MetaSchemaRef {
        Self::schema_ref()
    }

    fn parse(text: &str) -> Result<Self, ParamError> {
        let invalid = |_| ParamError::new("invalid_format", "must be a time such as 2026-11-22T12:00:00Z (RFC 3339)");
        Self::parse(text, &Rfc3339).map_err(invalid)
    }
}

/// The error of `to` when a range is empty.
pub fn check_range(from: Option<OffsetDateTime>, to: Option<OffsetDateTime>) -> Option<ParamError> {
    let is_empty = from.zip(to).is_some_and(|(from, to)| from >= to);
    is_empty.then(|| ParamError::new("impossible_range", "must be later than `from`"))
}
