//! Query parameters, parsed leniently: a wrong one is a field error like that of a body, all of
//! them are reported at once, and a misspelled filter never means "all". poem answers 400 at the
//! first wrong parameter and ignores unknown ones.

use std::borrow::Cow;

use poem::{FromRequest, Request, RequestBody, Result};
use poem_openapi::param::Query;
use poem_openapi::registry::MetaSchemaRef;
use poem_openapi::types::{ParseError, ParseFromParameter, ParseResult, Type};
use time::OffsetDateTime;
use url::form_urlencoded;

use super::{ParamError, Parameter};
use crate::http::dto::event_parameters::check_range;
use crate::http::fields::Fields;
use crate::http::payload::is_plain;
use crate::http::problem::{FieldError, Problem};

/// Most names that are checked; no operation has so many parameters.
const MAX_NAMES: usize = 16;

/// A parameter that was sent, valid or not: `Query<Option<QueryParam<T>>>`.
#[derive(Debug, Clone)]
pub struct QueryParam<T>(Result<T, ParamError>);

impl<T: Parameter> QueryParam<T> {
    /// Return the value of the parameter `name`, or add its error to `fields`.
    pub fn value(sent: Option<Self>, name: &str, fields: &mut Fields) -> Option<T> {
        let refuse = |error: ParamError| fields.refuse(error.of_parameter(name));
        sent?.0.map_err(refuse).ok()
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
            (Some(_), Some(_)) => Ok(Self(Err(ParamError::new("repeated", "The parameter is given more than once.")))),
            (None, _) => Err(ParseError::expected_input()),
        }
    }
}

/// The names of all parameters that were sent.
#[derive(Debug)]
pub struct ParameterNames(Vec<String>);

/// Takes the parameters of a request one by one, and collects what is wrong with them.
pub struct Parameters {
    sent: ParameterNames,
    taken: Vec<&'static str>,
    errors: Fields,
}

impl ParameterNames {
    /// Take the values of these parameters.
    #[must_use]
    pub fn read(self) -> Parameters {
        Parameters { sent: self, taken: Vec::new(), errors: Fields::default() }
    }

    /// Add an error for each name that is not in `known`.
    pub fn reject_unknown(&self, known: &[&str], fields: &mut Fields) {
        for name in self.0.iter().filter(|name| !known.contains(&name.as_str())) {
            let detail = "The parameter is not known.";
            // Only a name that looks like one is repeated.
            let name = if is_plain(name) { name } else { "" };
            fields.refuse(FieldError::parameter(name, "unknown_parameter", detail));
        }
    }
}

impl Parameters {
    /// Return the value of the parameter `name`, or collect its error.
    pub fn take<T: Parameter>(&mut self, name: &'static str, sent: Query<Option<QueryParam<T>>>) -> Option<T> {
        self.taken.push(name);
        QueryParam::value(sent.0, name, &mut self.errors)
    }

    /// Collect an error when the range of `from` and `to` is empty.
    pub fn check_range(&mut self, from: Option<OffsetDateTime>, to: Option<OffsetDateTime>) {
        if let Some(error) = check_range(from, to) {
            self.errors.refuse(error.of_parameter("to"));
        }
    }

    /// The errors so far, for values that do not fit together.
    pub const fn errors(&mut self) -> &mut Fields {
        &mut self.errors
    }

    /// Return the values when nothing is wrong with them, and no other parameter was sent.
    ///
    /// # Errors
    /// 400 with every error.
    pub fn finish<T>(self, values: T) -> Result<T, Problem> {
        let mut errors = Fields::default();
        self.sent.reject_unknown(&self.taken, &mut errors);
        errors.append(self.errors);
        errors.finish(Some(values))
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
        names.truncate(MAX_NAMES);
        Ok(Self(names))
    }
}
