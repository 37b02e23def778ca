//! The JSON document of a problem.

use poem::http::header::CONTENT_TYPE;
use poem::http::{HeaderValue, StatusCode};
use poem::{Body, Response};
use poem_openapi::Object;
use serde::{Deserialize, Serialize};

use super::mfa::MfaMembers;
use super::{FieldError, ProblemCode};

/// The media type of RFC 9457.
pub const PROBLEM_CONTENT_TYPE: &str = "application/problem+json";

/// Problem details (RFC 9457).
#[derive(Debug, Clone, PartialEq, Eq, Object, Serialize, Deserialize)]
#[oai(rename = "Problem")]
pub struct ProblemDocument {
    /// The identifier of this kind of problem: an absolute URI, the same on every installation. The
    /// service has a page about it at `/problems/<code>`.
    #[oai(rename = "type")]
    #[serde(rename = "type")]
    pub type_uri: String,
    /// The kind of problem in a few words; the same for every occurrence.
    pub title: String,
    /// The HTTP status of this response.
    #[oai(validator(minimum(value = "400"), maximum(value = "599")))]
    pub status: u16,
    /// The kind of problem, for programs; stable.
    pub code: ProblemCode,
    /// What to do about this occurrence. Never repeats what was sent.
    pub detail: String,
    /// What is not valid, with its place: fields of the body, parameters and headers.
    #[oai(skip_serializing_if_is_empty, default)]
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub errors: Vec<FieldError>,
    /// The id of the request, as in the `X-Request-Id` header. Quote it when you ask for support.
    #[oai(rename = "requestId", skip_serializing_if_is_none)]
    #[serde(rename = "requestId", default, skip_serializing_if = "Option::is_none")]
    pub request_id: Option<String>,
    /// The members of `mfa_required`, which [`MfaRequired`](super::MfaRequired) documents.
    #[oai(skip)]
    #[serde(flatten)]
    pub(super) mfa: Option<MfaMembers>,
}

impl ProblemDocument {
    /// Set the status, content type and body of `response`; other headers stay.
    pub(crate) fn write_to(&self, response: &mut Response) {
        // A document of strings and numbers always serializes; an empty body would still have the
        // right status.
        let body = serde_json::to_vec(self).unwrap_or_default();
        response.set_status(StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR));
        response
            .headers_mut()
            .insert(CONTENT_TYPE, HeaderValue::from_static(PROBLEM_CONTENT_TYPE));
        response.set_body(Body::from_vec(body));
    }
}
