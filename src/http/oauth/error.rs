//! Errors as RFC 6749 section 5.2 has them. What that section has no word for (a body that is too large, a database that does not
//! answer) stays a problem document, as everywhere.

use std::sync::LazyLock;

use poem::http::header::{CONTENT_TYPE, WWW_AUTHENTICATE};
use poem::http::{HeaderValue, StatusCode};
use poem::{IntoResponse, Response};
use poem_openapi::registry::{MetaHeader, MetaMediaType, MetaResponse, MetaResponses, Registry};
use poem_openapi::types::{ToJSON as _, Type as _};
use poem_openapi::{ApiResponse, Object};

use crate::http::error_responses::{ALWAYS, Descriptions, describe, meta};
use crate::http::problem::{Problem, ProblemCode};

/// How a client that was refused should come.
const CHALLENGE: &str = r#"Basic realm="watchword", charset="UTF-8""#;

/// Marks a response whose body is an error that is not a problem document, and is to be sent as it is.
#[derive(Clone, Copy)]
pub(crate) struct SkipProblemFormat;

/// Why a client's request was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OAuthError {
    /// No HTTP Basic, an unknown id or a wrong secret: the client can't tell which.
    InvalidClient,
    /// The request is not what the endpoint understands; the text says what it is, never what was sent.
    InvalidRequest(&'static str),
}

impl OAuthError {
    const fn status(self) -> StatusCode {
        match self {
            Self::InvalidClient => StatusCode::UNAUTHORIZED,
            Self::InvalidRequest(_) => StatusCode::BAD_REQUEST,
        }
    }

    fn body(self) -> OAuthErrorBody {
        let (error, description) = match self {
            Self::InvalidClient => (
                OAuthErrorCode::InvalidClient,
                "Authenticate with HTTP Basic: the client's id and secret.",
            ),
            Self::InvalidRequest(what) => (OAuthErrorCode::InvalidRequest, what),
        };
        OAuthErrorBody {
            error,
            error_description: description.to_owned(),
        }
    }
}

/// The codes that are used here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, poem_openapi::Enum)]
#[oai(rename_all = "snake_case")]
enum OAuthErrorCode {
    /// The client could not be authenticated.
    InvalidClient,
    /// The request is malformed.
    InvalidRequest,
}

/// An error (RFC 6749 section 5.2).
#[derive(Object)]
#[oai(rename = "OAuthError")]
pub struct OAuthErrorBody {
    /// What went wrong, for programs.
    error: OAuthErrorCode,
    /// The same for a person. Never repeats what was sent.
    error_description: String,
}

impl IntoResponse for OAuthError {
    fn into_response(self) -> Response {
        let mut response = Response::builder()
            .status(self.status())
            .header(CONTENT_TYPE, "application/json")
            .body(self.body().to_json_string());
        if self == Self::InvalidClient {
            response
                .headers_mut()
                .insert(WWW_AUTHENTICATE, HeaderValue::from_static(CHALLENGE));
        }
        response
    }
}

impl From<OAuthError> for poem::Error {
    fn from(error: OAuthError) -> Self {
        let mut sent = Self::from_response(error.into_response());
        // The response's own data would not come through.
        sent.set_data(SkipProblemFormat);
        sent
    }
}

/// Why a client did not get what it asked for.
#[derive(Debug)]
pub enum OAuthRefusal {
    /// In the words of OAuth.
    OAuth(OAuthError),
    /// In ours.
    Problem(Problem),
}

impl From<OAuthError> for OAuthRefusal {
    fn from(error: OAuthError) -> Self {
        Self::OAuth(error)
    }
}

impl From<Problem> for OAuthRefusal {
    fn from(problem: Problem) -> Self {
        Self::Problem(problem)
    }
}

impl From<OAuthRefusal> for poem::Error {
    fn from(refusal: OAuthRefusal) -> Self {
        match refusal {
            OAuthRefusal::OAuth(error) => error.into(),
            OAuthRefusal::Problem(problem) => problem.into(),
        }
    }
}

impl ApiResponse for OAuthRefusal {
    fn meta() -> MetaResponses {
        static PROBLEMS: LazyLock<Descriptions> = LazyLock::new(|| describe(&[ALWAYS, &[ProblemCode::RequestTimeout]]));
        let own = |status: u16, description: &'static str| MetaResponse {
            description,
            status: Some(status),
            status_range: None,
            content: vec![MetaMediaType {
                content_type: "application/json",
                schema: OAuthErrorBody::schema_ref(),
            }],
            headers: Vec::new(),
        };
        let mut refused = own(401, "`invalid_client`: The client could not be authenticated.");
        refused.headers.push(MetaHeader {
            name: WWW_AUTHENTICATE.to_string(),
            description: Some("How to authenticate: HTTP Basic.".to_owned()),
            required: true,
            deprecated: false,
            schema: String::schema_ref(),
        });
        let mut responses = vec![
            own(400, "`invalid_request`: The body is not a form, or not a complete one."),
            refused,
        ];
        responses.extend(meta(&PROBLEMS).responses);
        MetaResponses { responses }
    }

    fn register(registry: &mut Registry) {
        OAuthErrorBody::register(registry);
        <crate::http::problem::ProblemJson as poem_openapi::payload::Payload>::register(registry);
    }
}
