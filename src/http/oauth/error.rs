//! The errors of RFC 6749 section 5.2. Errors that it does not define (a body that is too large, a
//! database that does not answer) are problem documents, as everywhere.

use std::sync::LazyLock;

use poem::http::header::{CONTENT_TYPE, WWW_AUTHENTICATE};
use poem::http::{HeaderValue, StatusCode};
use poem::{IntoResponse, Response};
use poem_openapi::registry::{MetaHeader, MetaMediaType, MetaResponse, MetaResponses, Registry};
use poem_openapi::types::{ToJSON as _, Type as _};
use poem_openapi::{ApiResponse, Object};

use crate::http::error_responses::{ALWAYS, Descriptions, describe, meta, register};
use crate::http::problem::{Problem, ProblemCode};

/// How clients have to authenticate.
const CHALLENGE: &str = r#"Basic realm="watchword", charset="UTF-8""#;

/// Marks an error response whose body is no problem document and is sent unchanged.
#[derive(Clone, Copy)]
pub(crate) struct SkipProblemFormat;

/// Why a client's request was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OAuthError {
    /// No HTTP Basic, an unknown id or a wrong secret; the client cannot tell which.
    InvalidClient,
    /// The request is malformed. The text says how, and never repeats what was sent.
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
            Self::InvalidClient => {
                (OAuthErrorCode::InvalidClient, "Authenticate with HTTP Basic: the client's id and secret.")
            }
            Self::InvalidRequest(what) => (OAuthErrorCode::InvalidRequest, what),
        };
        OAuthErrorBody { error, error_description: description.to_owned() }
    }
}

/// Error codes of RFC 6749 that are in use.
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
    /// Error code, for programs.
    error: OAuthErrorCode,
    /// Description of the error, for developers. Never repeats what was sent.
    error_description: String,
}

impl IntoResponse for OAuthError {
    fn into_response(self) -> Response {
        let mut response = Response::builder()
            .status(self.status())
            .header(CONTENT_TYPE, "application/json")
            .body(self.body().to_json_string());
        if self == Self::InvalidClient {
            response.headers_mut().insert(WWW_AUTHENTICATE, HeaderValue::from_static(CHALLENGE));
        }
        response
    }
}

impl From<OAuthError> for poem::Error {
    fn from(error: OAuthError) -> Self {
        let mut sent = Self::from_response(error.into_response());
        // The data of the response itself would be lost.
        sent.set_data(SkipProblemFormat);
        sent
    }
}

/// Why a request of a client is refused.
#[derive(Debug)]
pub enum OAuthRefusal {
    OAuth(OAuthError),
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
            own(400, "`invalid_request`: The body is not a form, or the form is incomplete."),
            refused,
        ];
        responses.extend(meta(&PROBLEMS).responses);
        MetaResponses { responses }
    }

    fn register(registry: &mut Registry) {
        OAuthErrorBody::register(registry);
        register(registry);
    }
}
