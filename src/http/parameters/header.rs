//! Headers that are parameters of an operation. poem-openapi takes the first of several lines, and
//! ignores one that is not text.

use poem::{Request, RequestBody, Result};
use poem_openapi::registry::{MetaParamIn, MetaSchemaRef};
use poem_openapi::{ApiExtractor, ApiExtractorType, ExtractParamOptions};

use super::ParamError;
use crate::http::problem::Problem;

/// A value that a header can have.
pub trait HeaderParameter: Sized + Send {
    const NAME: &'static str;

    fn schema() -> MetaSchemaRef;

    /// Parse the lines of the header; without the header there are none.
    fn parse(lines: &[&str]) -> Option<Self>;

    /// The error of lines that are not text, or that [`parse`](Self::parse) refuses.
    fn malformed() -> ParamError;
}

/// A header: `#[oai(name = "If-Match")]`.
///
/// Malformed: 400 `invalid_parameter`.
#[derive(Debug, Clone)]
pub struct Header<T>(pub T);

impl<'a, T: HeaderParameter> ApiExtractor<'a> for Header<T> {
    const TYPES: &'static [ApiExtractorType] = &[ApiExtractorType::Parameter];

    type ParamType = String;
    type ParamRawType = String;

    fn param_in() -> Option<MetaParamIn> {
        Some(MetaParamIn::Header)
    }

    fn param_schema_ref() -> Option<MetaSchemaRef> {
        Some(T::schema())
    }

    async fn from_request(
        request: &'a Request,
        _body: &mut RequestBody,
        _options: ExtractParamOptions<Self::ParamType>,
    ) -> Result<Self> {
        let lines = request.headers().get_all(T::NAME).iter().map(|value| value.to_str().ok());
        let lines: Option<Vec<&str>> = lines.collect();
        let value = lines.and_then(|lines| T::parse(&lines));
        let value = value.ok_or_else(|| Problem::from(T::malformed().of_header(T::NAME)))?;
        Ok(Self(value))
    }
}
