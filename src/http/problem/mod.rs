//! Error responses: RFC 9457 `application/problem+json`, everywhere.
//!
//! A [`Problem`] says what went wrong; it never repeats what the client sent and shows no
//! internals. [`catch`] converts every other error, and the outermost middleware adds the request
//! id.

mod catch;
mod code;
mod document;
mod field_error;
mod mfa;
mod pages;

use std::borrow::Cow;
use std::fmt;
use std::time::Duration;

use poem::error::ResponseError;
use poem::http::header::{RETRY_AFTER, WWW_AUTHENTICATE};
use poem::http::{HeaderName, HeaderValue, StatusCode};
use poem::{IntoResponse, Response};
use poem_openapi::payload::Payload;
use poem_openapi::registry::{MetaSchemaRef, Registry};
use poem_openapi::types::Type;
use secrecy::SecretString;

use crate::domain::clock::ceil_seconds;
pub(crate) use catch::{problem_of_error, problem_of_status};
pub use code::ProblemCode;
pub use document::{PROBLEM_CONTENT_TYPE, ProblemDocument};
pub use field_error::FieldError;
use mfa::Challenge;
pub use mfa::{FactorType, LoginFactor, MfaRequired};
pub use pages::pages;

/// The `WWW-Authenticate` challenge.
const CHALLENGE: &str = r#"Bearer realm="watchword""#;
/// The challenge when the token that was sent is not valid (RFC 6750 section 3.1).
const CHALLENGE_INVALID: &str = r#"Bearer realm="watchword", error="invalid_token""#;

/// What went wrong with a request.
///
/// Converts into a [`poem::Error`], so that extractors and `?` can end a request with it.
#[derive(Debug, Clone)]
pub struct Problem {
    code: ProblemCode,
    detail: Cow<'static, str>,
    errors: Vec<FieldError>,
    /// Boxed, since nearly every problem has none.
    challenge: Option<Box<Challenge>>,
    headers: Vec<(HeaderName, HeaderValue)>,
}

impl Problem {
    /// A problem with the explanation of its code as the detail and with the headers of its status:
    /// `WWW-Authenticate` for 401, `Retry-After: 1` for 429 and 503.
    #[must_use]
    pub fn new(code: ProblemCode) -> Self {
        let headers = match code.status() {
            StatusCode::UNAUTHORIZED => vec![(WWW_AUTHENTICATE, challenge(code))],
            StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE => {
                vec![(RETRY_AFTER, HeaderValue::from_static("1"))]
            }
            _ => Vec::new(),
        };
        Self {
            code,
            detail: Cow::Borrowed(code.explanation()),
            errors: Vec::new(),
            challenge: None,
            headers,
        }
    }

    /// One error for each thing that is not valid: 422 when all of them are in the body, 400 when
    /// one is a parameter or a header.
    #[must_use]
    pub fn validation(errors: Vec<FieldError>) -> Self {
        let code = if errors.iter().all(FieldError::is_in_body) {
            ProblemCode::ValidationFailed
        } else {
            ProblemCode::InvalidParameter
        };
        Self { errors, ..Self::new(code) }
    }

    /// 403 with a login challenge: the password is correct, and the second factor is missing.
    #[must_use]
    pub fn mfa_required(token: SecretString, expires_in: u64, factors: Vec<LoginFactor>) -> Self {
        Self {
            challenge: Some(Box::new(Challenge { token, expires_in, factors })),
            ..Self::new(ProblemCode::MfaRequired)
        }
    }

    /// Replace the detail. Never put input or internals there.
    #[must_use]
    pub fn with_detail(mut self, detail: impl Into<Cow<'static, str>>) -> Self {
        self.detail = detail.into();
        self
    }

    /// Add the error of a field.
    #[must_use]
    pub fn with_error(mut self, error: FieldError) -> Self {
        self.errors.push(error);
        self
    }

    /// Set `Retry-After`.
    #[must_use]
    pub fn with_retry_after(self, wait: Duration) -> Self {
        self.with_header(RETRY_AFTER, HeaderValue::from(ceil_seconds(wait)))
    }

    /// Set a response header, for example `RateLimit`.
    #[must_use]
    pub fn with_header(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.headers.retain(|(known, _)| *known != name);
        self.headers.push((name, value));
        self
    }

    #[must_use]
    pub const fn code(&self) -> ProblemCode {
        self.code
    }

    #[must_use]
    pub fn errors(&self) -> &[FieldError] {
        &self.errors
    }

    /// The document and the headers, sent with `status`.
    pub(crate) fn into_document(self, status: StatusCode) -> (ProblemDocument, Vec<(HeaderName, HeaderValue)>) {
        let document = ProblemDocument {
            type_uri: self.code.type_uri(),
            title: self.code.title().to_owned(),
            status: status.as_u16(),
            code: self.code,
            detail: self.detail.into_owned(),
            errors: self.errors,
            request_id: None,
            mfa: self.challenge.map(|challenge| (*challenge).into()),
        };
        (document, self.headers)
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code.as_str())
    }
}

impl std::error::Error for Problem {}

impl From<ProblemCode> for Problem {
    fn from(code: ProblemCode) -> Self {
        Self::new(code)
    }
}

/// A problem with this one error.
impl From<FieldError> for Problem {
    fn from(error: FieldError) -> Self {
        Self::validation(vec![error])
    }
}

impl ResponseError for Problem {
    fn status(&self) -> StatusCode {
        self.code.status()
    }

    fn as_response(&self) -> Response {
        self.clone().into_response()
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let status = self.code.status();
        let (document, headers) = self.into_document(status);
        let mut response = Response::default();
        document.write_to(&mut response);
        for (name, value) in headers {
            response.headers_mut().insert(name, value);
        }
        response
    }
}

impl Payload for Problem {
    const CONTENT_TYPE: &'static str = PROBLEM_CONTENT_TYPE;

    fn schema_ref() -> MetaSchemaRef {
        ProblemDocument::schema_ref()
    }

    fn register(registry: &mut Registry) {
        ProblemDocument::register(registry);
    }
}

fn challenge(code: ProblemCode) -> HeaderValue {
    HeaderValue::from_static(match code {
        ProblemCode::InvalidToken => CHALLENGE_INVALID,
        _ => CHALLENGE,
    })
}

/// Add the headers that a status requires and that the route did not set.
pub(crate) fn require_headers(response: &mut Response, code: ProblemCode) {
    let status = response.status();
    let headers = response.headers_mut();
    match status {
        StatusCode::UNAUTHORIZED => {
            headers.entry(WWW_AUTHENTICATE).or_insert_with(|| challenge(code));
        }
        StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE => {
            headers.entry(RETRY_AFTER).or_insert(HeaderValue::from_static("1"));
        }
        _ => {}
    }
}
