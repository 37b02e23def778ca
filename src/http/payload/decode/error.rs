//! serde's errors as facts: its messages would repeat input.

use std::fmt::{self, Display};

use serde::de::{Expected, Unexpected};

use crate::http::payload::pointer::Step;

/// A value that does not fit its type.
#[derive(Debug)]
pub(super) struct Mismatch {
    /// `None` until the error has left the field where it happened, and at the top of the body.
    pub(super) path: Option<Vec<Step>>,
    pub(super) kind: Kind,
}

/// What is wrong.
#[derive(Debug)]
pub(super) enum Kind {
    Required(&'static str),
    UnknownField,
    WrongType(&'static str),
    Null,
    OutOfRange,
    NotOneOf(&'static [&'static str]),
    Invalid,
}

impl Kind {
    pub(super) const fn code(&self) -> &'static str {
        match self {
            Self::Required(_) => "required",
            Self::UnknownField => "unknown_field",
            Self::WrongType(_) | Self::Null => "wrong_type",
            Self::OutOfRange => "out_of_range",
            Self::NotOneOf(_) => "not_one_of",
            Self::Invalid => "invalid_value",
        }
    }

    pub(super) fn detail(&self) -> String {
        match self {
            Self::Required(_) => "The field is required.".to_owned(),
            Self::UnknownField => "The field is not known.".to_owned(),
            Self::WrongType(expected) => format!("The value must be {expected}."),
            Self::Null => "The value must not be null; leave the field out.".to_owned(),
            Self::OutOfRange => "The number is out of range.".to_owned(),
            Self::NotOneOf(values) => format!("The value must be one of: {}.", values.join(", ")),
            Self::Invalid => "The value is not valid.".to_owned(),
        }
    }
}

impl From<Kind> for Mismatch {
    fn from(kind: Kind) -> Self {
        Self { path: None, kind }
    }
}

impl Display for Mismatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.kind.code())
    }
}

impl std::error::Error for Mismatch {}

impl serde::de::Error for Mismatch {
    fn custom<M: Display>(_message: M) -> Self {
        Kind::Invalid.into()
    }

    fn invalid_type(_found: Unexpected<'_>, expected: &dyn Expected) -> Self {
        Kind::WrongType(json_type(&expected.to_string())).into()
    }

    fn invalid_value(found: Unexpected<'_>, _expected: &dyn Expected) -> Self {
        match found {
            Unexpected::Unsigned(_) | Unexpected::Signed(_) | Unexpected::Float(_) => Kind::OutOfRange.into(),
            _ => Kind::Invalid.into(),
        }
    }

    fn invalid_length(_length: usize, _expected: &dyn Expected) -> Self {
        Kind::Invalid.into()
    }

    fn unknown_variant(_variant: &str, expected: &'static [&'static str]) -> Self {
        Kind::NotOneOf(expected).into()
    }

    fn unknown_field(_field: &str, _expected: &'static [&'static str]) -> Self {
        Kind::UnknownField.into()
    }

    fn missing_field(field: &'static str) -> Self {
        Kind::Required(field).into()
    }

    fn duplicate_field(_field: &'static str) -> Self {
        Kind::Invalid.into()
    }
}

/// The JSON type of serde's description of a type.
fn json_type(expected: &str) -> &'static str {
    match expected {
        "a boolean" => "a boolean",
        "f32" | "f64" => "a number",
        "i8" | "i16" | "i32" | "i64" | "i128" | "isize" | "u8" | "u16" | "u32" | "u64" | "u128" | "usize" => {
            "an integer"
        }
        "a sequence" => "an array",
        "a map" => "an object",
        // All other types of a request (ids, times, enums) are strings.
        _ => "a string",
    }
}
