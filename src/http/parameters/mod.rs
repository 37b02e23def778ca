//! Parameters of paths, queries and headers: what they can be, and the error when they are not.

pub mod header;
pub mod path;
pub mod query;

use std::borrow::Cow;

use poem_openapi::registry::{MetaSchema, MetaSchemaRef};

use super::problem::FieldError;

/// A value that a parameter can have.
pub trait Parameter: Sized + Send + Sync {
    fn schema() -> MetaSchemaRef;

    /// # Errors
    /// What is wrong with the text.
    fn parse(text: &str) -> Result<Self, ParamError>;
}

/// Why a parameter was refused.
#[derive(Debug, Clone)]
pub struct ParamError {
    code: &'static str,
    detail: Cow<'static, str>,
}

impl ParamError {
    /// `code` is stable; `detail` is for developers and never repeats what was sent.
    pub fn new(code: &'static str, detail: impl Into<Cow<'static, str>>) -> Self {
        Self { code, detail: detail.into() }
    }

    /// The same error of a field of the body.
    pub fn at(self, pointer: impl AsRef<str>) -> FieldError {
        FieldError::new(pointer, self.code, self.detail)
    }

    /// The same error of a parameter.
    pub fn of_parameter(self, name: impl Into<String>) -> FieldError {
        FieldError::parameter(name, self.code, self.detail)
    }

    /// The same error of a header.
    pub fn of_header(self, name: impl Into<String>) -> FieldError {
        FieldError::header(name, self.code, self.detail)
    }
}

/// A whole number from 1 to `MAX`, with a default.
#[derive(Debug, Clone, Copy)]
pub struct Bounded<const DEFAULT: u32, const MAX: u32>(pub u32);

impl<const DEFAULT: u32, const MAX: u32> Default for Bounded<DEFAULT, MAX> {
    fn default() -> Self {
        Self(DEFAULT)
    }
}

impl<const DEFAULT: u32, const MAX: u32> Parameter for Bounded<DEFAULT, MAX> {
    fn schema() -> MetaSchemaRef {
        MetaSchemaRef::Inline(Box::new(MetaSchema {
            minimum: Some(1.0),
            maximum: Some(f64::from(MAX)),
            default: Some(DEFAULT.into()),
            ..MetaSchema::new_with_format("integer", "int32")
        }))
    }

    fn parse(text: &str) -> Result<Self, ParamError> {
        let digits = text.bytes().all(|byte| byte.is_ascii_digit());
        let number = digits.then(|| text.parse().ok()).flatten();
        number
            .filter(|number| (1..=MAX).contains(number))
            .map(Self)
            .ok_or_else(|| ParamError::new("out_of_range", format!("must be a whole number from 1 to {MAX}")))
    }
}
