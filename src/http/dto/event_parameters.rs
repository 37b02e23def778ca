//! Query parameters that select events.

use poem_openapi::registry::{MetaSchema, MetaSchemaRef};
use poem_openapi::types::Type as _;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use uuid::Uuid;
use watchword_events::CATALOGUE;

use crate::http::fields::Fields;
use crate::http::problem::FieldError;
use crate::http::query::{Bounded, ParamError, Parameter};

/// The number of events on a page: 1 to 200, 50 by default.
pub type PageSize = Bounded<50, 200>;

/// A subject of the catalogue.
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
        let known = CATALOGUE.iter().find(|event| event.subject == text);
        let unknown = || ParamError::new("unknown_subject", "must be the subject of an event of the catalogue");
        known.map(|event| Self(event.subject)).ok_or_else(unknown)
    }
}

impl Parameter for Uuid {
    fn schema() -> MetaSchemaRef {
        Self::schema_ref()
    }

    fn parse(text: &str) -> Result<Self, ParamError> {
        text.parse().map_err(|_| ParamError::new("invalid_format", "must be a UUID"))
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

/// Add an error when a range is empty.
pub fn check_range(from: Option<OffsetDateTime>, to: Option<OffsetDateTime>, fields: &mut Fields) {
    if from.zip(to).is_some_and(|(from, to)| from >= to) {
        fields.refuse(FieldError::new("/to", "impossible_range", "must be later than `from`"));
    }
}
