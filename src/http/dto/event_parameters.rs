//! The parameters by which events are chosen.

use poem_openapi::registry::{MetaSchema, MetaSchemaRef};
use poem_openapi::types::Type as _;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use uuid::Uuid;
use watchword_events::{CATALOGUE, SUBJECT_PREFIX};

use super::user::Fields;
use crate::http::problem::FieldError;
use crate::http::query::{ParamError, Parameter};

/// How many events a page has: 1 to 200, 50 when nothing is said.
#[derive(Debug, Clone, Copy)]
pub struct Limit(u64);

impl Limit {
    const DEFAULT: u64 = 50;
    const MOST: u64 = 200;

    /// The number asked for.
    pub fn or_default(asked: Option<Self>) -> u64 {
        asked.map_or(Self::DEFAULT, |limit| limit.0)
    }
}

impl Parameter for Limit {
    fn schema() -> MetaSchemaRef {
        MetaSchemaRef::Inline(Box::new(MetaSchema {
            minimum: Some(1.0),
            maximum: Some(200.0),
            default: Some(Self::DEFAULT.into()),
            ..MetaSchema::new_with_format("integer", "int32")
        }))
    }

    fn parse(text: &str) -> Result<Self, ParamError> {
        let number = text
            .bytes()
            .all(|byte| byte.is_ascii_digit())
            .then(|| text.parse().ok());
        match number.flatten() {
            Some(limit @ 1..=Self::MOST) => Ok(Self(limit)),
            _ => Err(ParamError::new("out_of_range", "must be a whole number from 1 to 200")),
        }
    }
}

/// The subject of one event of the catalogue; its name alone will do.
#[derive(Debug, Clone, Copy)]
pub struct Subject(pub &'static str);

impl Parameter for Subject {
    fn schema() -> MetaSchemaRef {
        MetaSchemaRef::Inline(Box::new(MetaSchema {
            enum_items: CATALOGUE.iter().map(|event| event.subject.into()).collect(),
            ..MetaSchema::new("string")
        }))
    }

    fn parse(text: &str) -> Result<Self, ParamError> {
        let name = text.strip_prefix(SUBJECT_PREFIX).unwrap_or(text);
        let known = CATALOGUE.iter().find(|event| event.name == name);
        let unknown = || ParamError::new("unknown_type", "must be the subject of an event of the catalogue");
        known.map(|event| Self(event.subject)).ok_or_else(unknown)
    }
}

impl Parameter for Uuid {
    fn schema() -> MetaSchemaRef {
        Self::schema_ref()
    }

    fn parse(text: &str) -> Result<Self, ParamError> {
        text.parse()
            .map_err(|_| ParamError::new("invalid_format", "must be a UUID"))
    }
}

/// A moment.
impl Parameter for OffsetDateTime {
    fn schema() -> MetaSchemaRef {
        Self::schema_ref()
    }

    fn parse(text: &str) -> Result<Self, ParamError> {
        let wrong = |_| {
            ParamError::new(
                "invalid_format",
                "must be a time such as 2026-11-22T12:00:00Z (RFC 3339)",
            )
        };
        Self::parse(text, &Rfc3339).map_err(wrong)
    }
}

/// Refuses a range in which nothing can be.
pub fn check_range(from: Option<OffsetDateTime>, to: Option<OffsetDateTime>, fields: &mut Fields) {
    if from.zip(to).is_some_and(|(from, to)| from >= to) {
        fields.refuse(FieldError::new("/to", "impossible_range", "must be later than `from`"));
    }
}
