//! The parameters of a query string. poem would answer 400 at the first one it can't read and pass over those it does not know:
//! here a refused one is a field error like any other, all of them are told at once, and a misspelt filter never means "all".

use std::borrow::Cow;

use poem::{FromRequest, Request, RequestBody, Result};
use poem_openapi::registry::MetaSchemaRef;
use poem_openapi::types::{ParseError, ParseFromParameter, ParseResult, Type};
use url::form_urlencoded;

use super::dto::user::Fields;
use super::payload::pointer_to;
use super::problem::FieldError;

/// A value that a parameter can have.
pub trait Parameter: Sized + Send + Sync {
    /// As the specification has it.
    fn schema() -> MetaSchemaRef;

    /// Reads the parameter's text.
    ///
    /// # Errors
    /// What is wrong with it, for people.
    fn parse(text: &str) -> Result<Self, ParamError>;
}

/// Why a parameter was refused.
#[derive(Debug, Clone)]
pub struct ParamError {
    code: &'static str,
    detail: Cow<'static, str>,
}

impl ParamError {
    /// A refusal; `code` is stable, `detail` is for people and never repeats what was sent.
    pub fn new(code: &'static str, detail: impl Into<Cow<'static, str>>) -> Self {
        Self {
            code,
            detail: detail.into(),
        }
    }

    /// The same about a field of a body.
    pub fn at(self, pointer: &str) -> FieldError {
        FieldError::new(pointer, self.code, self.detail)
    }
}

/// A parameter as it was given, readable or not: `Query<Option<QueryParam<T>>>`.
#[derive(Debug, Clone)]
pub struct QueryParam<T>(Result<T, ParamError>);

impl<T: Parameter> QueryParam<T> {
    /// The value of the parameter `name`, or an entry in `fields`.
    pub fn value(asked: Option<Self>, name: &str, fields: &mut Fields) -> Option<T> {
        let refused =
            |refusal: ParamError| fields.refuse(FieldError::new(format!("/{name}"), refusal.code, refusal.detail));
        asked?.0.map_err(refused).ok()
    }
}

impl<T: Parameter> Type for QueryParam<T> {
    const IS_REQUIRED: bool = true;

    type RawValueType = Self;
    type RawElementValueType = Self;

    fn name() -> Cow<'static, str> {
        "parameter".into()
    }

    fn schema_ref() -> MetaSchemaRef {
        T::schema()
    }

    fn as_raw_value(&self) -> Option<&Self> {
        Some(self)
    }

    fn raw_element_iter<'a>(&'a self) -> Box<dyn Iterator<Item = &'a Self> + 'a> {
        Box::new(std::iter::once(self))
    }
}

impl<T: Parameter> ParseFromParameter for QueryParam<T> {
    fn parse_from_parameter(value: &str) -> ParseResult<Self> {
        Ok(Self(T::parse(value)))
    }

    fn parse_from_parameters<I: IntoIterator<Item = A>, A: AsRef<str>>(iter: I) -> ParseResult<Self> {
        let mut values = iter.into_iter();
        match (values.next(), values.next()) {
            (Some(only), None) => Self::parse_from_parameter(only.as_ref()),
            (Some(_), Some(_)) => Ok(Self(Err(ParamError::new(
                "repeated",
                "The parameter is given more than once.",
            )))),
            (None, _) => Err(ParseError::expected_input()),
        }
    }
}

/// The names of all parameters that came.
#[derive(Debug)]
pub struct ParameterNames(Vec<String>);

impl ParameterNames {
    /// Refuses what is not in `known`.
    pub fn reject_unknown(&self, known: &[&str], fields: &mut Fields) {
        for name in self.0.iter().filter(|name| !known.contains(&name.as_str())) {
            let detail = "The parameter is not known.";
            fields.refuse(FieldError::new(pointer_to(name), "unknown_parameter", detail));
        }
    }
}

impl<'a> FromRequest<'a> for ParameterNames {
    async fn from_request(request: &'a Request, _body: &mut RequestBody) -> Result<Self> {
        let query = request.uri().query().unwrap_or_default();
        let mut names: Vec<String> = Vec::new();
        for (name, _) in form_urlencoded::parse(query.as_bytes()) {
            if !names.iter().any(|known| *known == name) {
                names.push(name.into_owned());
            }
        }
        names.truncate(MOST);
        Ok(Self(names))
    }
}

/// Most names that are looked at: no route has so many.
const MOST: usize = 16;
