//! A moment in an answer: UTC with milliseconds, as in events.

use std::borrow::Cow;

use poem_openapi::registry::MetaSchemaRef;
use poem_openapi::types::{ParseFromJSON, ParseResult, ToJSON, Type};
use serde_json::Value;
use time::format_description::BorrowedFormatItem;
use time::macros::format_description;
use time::{OffsetDateTime, UtcOffset};

/// RFC 3339 with three digits, also when they are zeros.
const MILLISECONDS: &[BorrowedFormatItem<'_>] =
    format_description!("[year]-[month]-[day]T[hour]:[minute]:[second].[subsecond digits:3]Z");

/// A moment, written as `2026-11-22T12:00:00.000Z`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timestamp(OffsetDateTime);

impl From<OffsetDateTime> for Timestamp {
    fn from(moment: OffsetDateTime) -> Self {
        Self(moment)
    }
}

impl Type for Timestamp {
    const IS_REQUIRED: bool = true;

    type RawValueType = Self;

    type RawElementValueType = Self;

    fn name() -> Cow<'static, str> {
        OffsetDateTime::name()
    }

    fn schema_ref() -> MetaSchemaRef {
        OffsetDateTime::schema_ref()
    }

    fn as_raw_value(&self) -> Option<&Self::RawValueType> {
        Some(self)
    }

    fn raw_element_iter<'a>(&'a self) -> Box<dyn Iterator<Item = &'a Self::RawElementValueType> + 'a> {
        Box::new(self.as_raw_value().into_iter())
    }
}

impl ParseFromJSON for Timestamp {
    fn parse_from_json(value: Option<Value>) -> ParseResult<Self> {
        let moment = OffsetDateTime::parse_from_json(value).map_err(|error| error.propagate())?;
        Ok(Self(moment))
    }
}

impl ToJSON for Timestamp {
    fn to_json(&self) -> Option<Value> {
        let utc = self.0.to_offset(UtcOffset::UTC);
        utc.format(MILLISECONDS).ok().map(Value::String)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_timestamp_always_has_milliseconds() {
        for (moment, written) in [
            ("2026-11-22T12:00:00Z", "2026-11-22T12:00:00.000Z"),
            ("2026-11-22T12:00:00.54Z", "2026-11-22T12:00:00.540Z"),
            ("2026-11-22T14:00:00.123456+02:00", "2026-11-22T12:00:00.123Z"),
        ] {
            let read = Timestamp::parse_from_json(Some(moment.into())).expect("a moment");
            assert_eq!(read.to_json(), Some(written.into()));
        }
    }
}
