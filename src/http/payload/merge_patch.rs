//! The body of PATCH.

use poem::http::{HeaderName, HeaderValue};
use poem::{Request, RequestBody, Result};
use poem_openapi::payload::Payload;
use poem_openapi::registry::{MetaRequest, Registry};
use poem_openapi::types::Type;
use poem_openapi::{ApiExtractor, ApiExtractorType, ExtractParamOptions};
use serde::de::DeserializeOwned;

use super::{StrictJson, is_plain_json, parse_strict, read_body, request_meta};
use crate::http::problem::{Problem, ProblemCode};

/// The media type of RFC 7396.
const MERGE_PATCH: &str = "application/merge-patch+json";
/// The header that lists what PATCH takes (RFC 5789 section 3.1).
const ACCEPT_PATCH: HeaderName = HeaderName::from_static("accept-patch");
const ACCEPTED: HeaderValue = HeaderValue::from_static("application/merge-patch+json, application/json");
const UNSUPPORTED: &str =
    "Send the body with Content-Type: application/merge-patch+json or application/json and without Content-Encoding.";

/// A [`StrictJson`] body that may also be sent as `application/merge-patch+json`.
#[derive(Debug, Clone)]
pub struct MergePatch<T>(pub T);

impl<'a, T: Type + DeserializeOwned> ApiExtractor<'a> for MergePatch<T> {
    const TYPES: &'static [ApiExtractorType] = &[ApiExtractorType::RequestObject];

    type ParamType = ();
    type ParamRawType = ();

    fn register(registry: &mut Registry) {
        <StrictJson<T> as Payload>::register(registry);
    }

    fn request_meta() -> Option<MetaRequest> {
        Some(request_meta::<T>(&[StrictJson::<T>::CONTENT_TYPE, MERGE_PATCH], true))
    }

    async fn from_request(
        request: &'a Request,
        body: &mut RequestBody,
        _options: ExtractParamOptions<Self::ParamType>,
    ) -> Result<Self> {
        if !is_plain_json(request, &[StrictJson::<T>::CONTENT_TYPE, MERGE_PATCH]) {
            let problem = Problem::new(ProblemCode::UnsupportedMediaType).with_detail(UNSUPPORTED);
            return Err(problem.with_header(ACCEPT_PATCH, ACCEPTED).into());
        }
        let bytes = read_body(request, body).await?;
        Ok(Self(parse_strict(&bytes)?))
    }
}
