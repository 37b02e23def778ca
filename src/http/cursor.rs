//! Cursors of pages and streams: opaque texts, so that their content may change. A reader sends
//! back what it got and never makes one.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use poem_openapi::registry::{MetaSchema, MetaSchemaRef};
use uuid::Uuid;

use super::parameters::header::HeaderParameter;
use super::parameters::{ParamError, Parameter};
use super::problem::FieldError;
use crate::domain::ids::{Cursor, Epoch, ForeignCursor, LedgerSeq, UserId};

/// The first byte says what the others are.
const LEDGER: u8 = 1;
const USER: u8 = 2;

/// Longest cursor that a client has to keep. Today's are far shorter.
const MAX_LENGTH: usize = 512;

const DETAIL: &str = "must be a cursor of this list, as a response returned it";

/// Write the cursor of a place in the ledger.
#[must_use]
pub fn of_ledger(cursor: Cursor) -> String {
    let mut bytes = vec![LEDGER];
    bytes.extend(cursor.epoch.get().to_be_bytes());
    bytes.extend(cursor.seq.get().to_be_bytes());
    URL_SAFE_NO_PAD.encode(bytes)
}

/// Write the cursor of a place in the list of users: behind a user.
#[must_use]
pub fn of_user(last: UserId) -> String {
    let mut bytes = vec![USER];
    bytes.extend(last.as_uuid().as_bytes());
    URL_SAFE_NO_PAD.encode(bytes)
}

impl Parameter for Cursor {
    fn schema() -> MetaSchemaRef {
        schema()
    }

    fn parse(text: &str) -> Result<Self, ParamError> {
        parse_ledger(text).ok_or(ParamError::new("invalid_cursor", DETAIL))
    }
}

/// The last cursor that a client of the stream received before it reconnected.
impl HeaderParameter for Option<Cursor> {
    const NAME: &'static str = "Last-Event-ID";

    fn schema() -> MetaSchemaRef {
        schema()
    }

    fn parse(lines: &[&str]) -> Option<Self> {
        match lines {
            [] => Some(None),
            [cursor] => parse_ledger(cursor).map(Some),
            _ => None,
        }
    }

    fn malformed() -> ParamError {
        ParamError::new("invalid_cursor", DETAIL)
    }
}

/// A place in the list of users.
#[derive(Debug, Clone, Copy)]
pub struct UserCursor(pub UserId);

impl Parameter for UserCursor {
    fn schema() -> MetaSchemaRef {
        schema()
    }

    fn parse(text: &str) -> Result<Self, ParamError> {
        parse_user(text).ok_or(ParamError::new("invalid_cursor", DETAIL))
    }
}

fn parse_ledger(text: &str) -> Option<Cursor> {
    let bytes = decode(text)?;
    let (epoch, seq) = bytes.strip_prefix(&[LEDGER])?.split_first_chunk::<4>()?;
    let seq = i64::from_be_bytes(seq.try_into().ok()?);
    let epoch = Epoch::from(u32::from_be_bytes(*epoch));
    (seq >= 0).then_some(Cursor { epoch, seq: LedgerSeq::from(seq) })
}

fn parse_user(text: &str) -> Option<UserCursor> {
    let bytes = decode(text)?;
    let id = Uuid::from_slice(bytes.strip_prefix(&[USER])?).ok()?;
    Some(UserCursor(id.into()))
}

fn decode(text: &str) -> Option<Vec<u8>> {
    if text.len() > MAX_LENGTH {
        return None;
    }
    URL_SAFE_NO_PAD.decode(text).ok()
}

fn schema() -> MetaSchemaRef {
    MetaSchemaRef::Inline(Box::new(MetaSchema {
        min_length: Some(1),
        max_length: Some(MAX_LENGTH),
        ..MetaSchema::new("string")
    }))
}

/// The error of a cursor in the parameter `name` that is not of this ledger.
pub fn foreign_parameter(name: &str, foreign: ForeignCursor) -> FieldError {
    error_of(foreign).of_parameter(name)
}

/// The same of a cursor in `Last-Event-ID`.
pub fn foreign_header(foreign: ForeignCursor) -> FieldError {
    error_of(foreign).of_header(Option::<Cursor>::NAME)
}

fn error_of(foreign: ForeignCursor) -> ParamError {
    match foreign {
        ForeignCursor::OtherEpoch => {
            ParamError::new("other_epoch", "is of an earlier history of this ledger; start over without it")
        }
        ForeignCursor::BeyondEnd => ParamError::new(
            "beyond_the_end",
            "is beyond the end of this ledger, so it is from another one; start over without it",
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_is_read_as_it_was_written() {
        for (epoch, seq) in [(1, 0), (1, 7), (2, i64::MAX)] {
            let cursor = Cursor { epoch: Epoch::from(epoch), seq: LedgerSeq::from(seq) };
            assert_eq!(Cursor::parse(&of_ledger(cursor)).ok(), Some(cursor));
            assert!(UserCursor::parse(&of_ledger(cursor)).is_err());
        }
        let user = UserId::from(Uuid::from_u128(7));
        assert_eq!(UserCursor::parse(&of_user(user)).ok().map(|cursor| cursor.0), Some(user));
        assert!(Cursor::parse(&of_user(user)).is_err());
    }

    #[test]
    fn what_was_not_written_is_no_cursor() {
        let negative = Cursor { epoch: Epoch::FIRST, seq: LedgerSeq::from(-1) };
        let written = of_ledger(Cursor { epoch: Epoch::FIRST, seq: LedgerSeq::from(7) });
        for text in [
            String::new(),
            "7".to_owned(),
            "01a2031e-cd40-7b21-9f0d-3a7e5c8d1b02".to_owned(),
            of_ledger(negative),
            format!("{written}A"),
            format!("{written}="),
            written[1..].to_owned(),
            "A".repeat(513),
        ] {
            assert!(Cursor::parse(&text).is_err(), "{text}");
        }
    }
}
