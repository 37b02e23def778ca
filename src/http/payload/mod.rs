//! Parses JSON request bodies strictly.
//!
//! poem-openapi's own `Json<T>` converts numbers and booleans to strings, accepts unknown fields
//! and duplicate keys, and repeats input in its errors. [`StrictJson`] does none of that. The
//! schema in the `OpenAPI` document still comes from `T: poem_openapi::types::Type`; the value
//! comes from `T: serde::Deserialize`, without unknown fields and without coercion.

mod body;
mod decode;
mod merge_patch;
mod patch;
mod pointer;
mod read_only;
mod tree;

use poem::http::header::CONTENT_ENCODING;
use poem::{Request, RequestBody, Result};
use poem_openapi::payload::{ParsePayload, Payload};
use poem_openapi::registry::{MetaMediaType, MetaRequest, MetaSchemaRef, Registry};
use poem_openapi::types::Type;
use poem_openapi::{ApiExtractor, ApiExtractorType, ExtractParamOptions};
use serde::de::DeserializeOwned;

pub use body::{BodyLimits, read_body};
pub use merge_patch::MergePatch;
pub use patch::Patch;
pub(crate) use pointer::{is_plain, pointer_to};
pub use read_only::ReadOnly;

use super::problem::{Problem, ProblemCode};

/// A required `application/json` request body.
///
/// Refused, without repeating input:
/// - another content type, or a content encoding: 415
/// - more bytes than configured: 413
/// - a body that does not arrive in time: 408
/// - invalid JSON or UTF-8, duplicate keys, more than 32 levels: 400
/// - control characters in a string, unknown fields, missing fields, values of another type: 422
///   with an error per field
///
/// `null` is not the same as a missing field: an `Option` field can be absent but not `null`;
/// [`Patch`] takes both.
#[derive(Debug, Clone)]
pub struct StrictJson<T>(pub T);

/// Parse the bytes of a body as [`StrictJson`] does.
///
/// # Errors
/// 400 for invalid JSON, 422 when the value is not a `T`.
pub fn parse_strict<T: Type + DeserializeOwned>(bytes: &[u8]) -> Result<T, Problem> {
    let value = tree::parse(bytes)?;
    decode::decode(&value)
}

impl<T: Type> Payload for StrictJson<T> {
    const CONTENT_TYPE: &'static str = "application/json";

    fn check_content_type(content_type: &str) -> bool {
        is_media_type(content_type, Self::CONTENT_TYPE)
    }

    fn schema_ref() -> MetaSchemaRef {
        T::schema_ref()
    }

    fn register(registry: &mut Registry) {
        T::register(registry);
    }
}

impl<T: Type + DeserializeOwned> ParsePayload for StrictJson<T> {
    const IS_REQUIRED: bool = true;

    async fn from_request(request: &Request, body: &mut RequestBody) -> Result<Self> {
        let bytes = read_body(request, body).await?;
        Ok(Self(parse_strict(&bytes)?))
    }
}

impl<'a, T: Type + DeserializeOwned> ApiExtractor<'a> for StrictJson<T> {
    const TYPES: &'static [ApiExtractorType] = &[ApiExtractorType::RequestObject];

    type ParamType = ();
    type ParamRawType = ();

    fn register(registry: &mut Registry) {
        <Self as Payload>::register(registry);
    }

    fn request_meta() -> Option<MetaRequest> {
        Some(request_meta::<T>(&[Self::CONTENT_TYPE], true))
    }

    async fn from_request(
        request: &'a Request,
        body: &mut RequestBody,
        _options: ExtractParamOptions<Self::ParamType>,
    ) -> Result<Self> {
        require_json::<T>(request)?;
        <Self as ParsePayload>::from_request(request, body).await
    }
}

/// A [`StrictJson`] body that may be left out: an empty body is `None`, with any content type.
#[derive(Debug, Clone)]
pub struct OptionalJson<T>(pub Option<T>);

impl<'a, T: Type + DeserializeOwned> ApiExtractor<'a> for OptionalJson<T> {
    const TYPES: &'static [ApiExtractorType] = &[ApiExtractorType::RequestObject];

    type ParamType = ();
    type ParamRawType = ();

    fn register(registry: &mut Registry) {
        <StrictJson<T> as Payload>::register(registry);
    }

    fn request_meta() -> Option<MetaRequest> {
        Some(request_meta::<T>(&[StrictJson::<T>::CONTENT_TYPE], false))
    }

    async fn from_request(
        request: &'a Request,
        body: &mut RequestBody,
        _options: ExtractParamOptions<Self::ParamType>,
    ) -> Result<Self> {
        let bytes = read_body(request, body).await?;
        if bytes.is_empty() {
            return Ok(Self(None));
        }
        require_json::<T>(request)?;
        Ok(Self(Some(parse_strict(&bytes)?)))
    }
}

/// A body of one of the media types, in the `OpenAPI` document.
fn request_meta<T: Type>(media_types: &[&'static str], required: bool) -> MetaRequest {
    let media_type = |content_type: &&'static str| MetaMediaType { content_type, schema: T::schema_ref() };
    MetaRequest {
        description: None,
        content: media_types.iter().map(media_type).collect(),
        required,
    }
}

fn require_json<T: Type>(request: &Request) -> Result<(), Problem> {
    if is_plain_json(request, &[StrictJson::<T>::CONTENT_TYPE]) {
        Ok(())
    } else {
        Err(Problem::new(ProblemCode::UnsupportedMediaType))
    }
}

/// Whether the body has one of the media types, and no content encoding.
fn is_plain_json(request: &Request, media_types: &[&str]) -> bool {
    let sent = request.content_type();
    let known = sent.is_some_and(|sent| media_types.iter().any(|media_type| is_media_type(sent, media_type)));
    known && !request.headers().contains_key(CONTENT_ENCODING)
}

/// Whether a `Content-Type` names this media type, with any parameters.
fn is_media_type(content_type: &str, media_type: &str) -> bool {
    let essence = content_type.split(';').next().unwrap_or_default();
    essence.trim().eq_ignore_ascii_case(media_type)
}
