//! What is not valid in a request, and where.

use poem_openapi::Object;
use serde::{Deserialize, Serialize};

/// What is not valid, and where: exactly one of `pointer`, `parameter` and `header` is present.
#[derive(Debug, Clone, PartialEq, Eq, Object, Serialize, Deserialize)]
pub struct FieldError {
    /// JSON Pointer to the field of the body, as a URI fragment (RFC 6901 section 6): `#/email`;
    /// `#` for the whole body.
    #[oai(skip_serializing_if_is_none, validator(max_length = 512))]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pointer: Option<String>,
    /// The name of the parameter of the path or of the query; empty for an unknown one whose name
    /// is no plain word.
    #[oai(skip_serializing_if_is_none, validator(max_length = 64))]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    parameter: Option<String>,
    /// The name of the header.
    #[oai(skip_serializing_if_is_none, validator(max_length = 64))]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    header: Option<String>,
    /// What is wrong, for programs; stable, `snake_case`.
    code: String,
    /// What is wrong, for developers.
    detail: String,
}

impl FieldError {
    /// An error of the body; `pointer` is a JSON Pointer (RFC 6901 section 5), such as `/email`.
    #[must_use]
    pub fn new(pointer: impl AsRef<str>, code: impl Into<String>, detail: impl Into<String>) -> Self {
        let pointer = Some(format!("#{}", pointer.as_ref()));
        Self { pointer, ..Self::nowhere(code, detail) }
    }

    /// An error of a parameter of the path or the query.
    #[must_use]
    pub fn parameter(name: impl Into<String>, code: impl Into<String>, detail: impl Into<String>) -> Self {
        let parameter = Some(name.into());
        Self { parameter, ..Self::nowhere(code, detail) }
    }

    /// An error of a header.
    #[must_use]
    pub fn header(name: impl Into<String>, code: impl Into<String>, detail: impl Into<String>) -> Self {
        let header = Some(name.into());
        Self { header, ..Self::nowhere(code, detail) }
    }

    fn nowhere(code: impl Into<String>, detail: impl Into<String>) -> Self {
        Self {
            pointer: None,
            parameter: None,
            header: None,
            code: code.into(),
            detail: detail.into(),
        }
    }

    /// Whether it is about the body.
    pub(super) const fn is_in_body(&self) -> bool {
        self.pointer.is_some()
    }
}
