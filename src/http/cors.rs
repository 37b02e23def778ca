//! Cross-origin requests of browsers (Fetch standard, "HTTP CORS protocol").
//!
//! A preflight request is answered before anything else: browsers send it without a token, and it
//! must not cost a quota. Every response to a listed origin has the headers, errors too, so that
//! the page can read why it was refused.

use std::sync::Arc;

use poem::http::header::{
    ACCESS_CONTROL_ALLOW_CREDENTIALS, ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS,
    ACCESS_CONTROL_ALLOW_ORIGIN, ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_MAX_AGE, ACCESS_CONTROL_REQUEST_HEADERS,
    ACCESS_CONTROL_REQUEST_METHOD, ORIGIN, VARY,
};
use poem::http::{HeaderMap, HeaderValue, Method, StatusCode};
use poem::{IntoResponse as _, Request, Response};

use super::problem::{Problem, ProblemCode};
use crate::config::{ANY_ORIGIN, CorsSettings};

/// The methods of all routes.
const METHODS: &str = "GET, HEAD, POST, PUT, PATCH, DELETE";

/// Headers that pages may read, besides those that every page may.
const EXPOSED: &str =
    "Accept-Patch, Allow, ETag, Location, RateLimit, RateLimit-Policy, Retry-After, WWW-Authenticate, X-Request-Id";

/// What the answer to a preflight request depends on.
const PREFLIGHT_VARY: &str = "Origin, Access-Control-Request-Method, Access-Control-Request-Headers";

/// Most bytes of a list of headers that is allowed as the browser sent it.
const MAX_HEADERS: usize = 4096;

/// The origins whose pages may call the API. By default there are none.
#[derive(Debug, Clone, Default)]
pub struct Cors(Option<Arc<Policy>>);

#[derive(Debug)]
struct Policy {
    origins: Origins,
    credentials: bool,
    max_age: HeaderValue,
}

#[derive(Debug)]
enum Origins {
    Any,
    Listed(Vec<HeaderValue>),
}

impl From<&CorsSettings> for Cors {
    fn from(settings: &CorsSettings) -> Self {
        if settings.origins.is_empty() {
            return Self(None);
        }
        let origins = if settings.origins.iter().any(|origin| origin == ANY_ORIGIN) {
            Origins::Any
        } else {
            // Origins are ASCII, so each is a valid header value.
            let values = settings.origins.iter().filter_map(|origin| HeaderValue::from_str(origin).ok());
            Origins::Listed(values.collect())
        };
        Self(Some(Arc::new(Policy {
            origins,
            credentials: settings.credentials,
            max_age: settings.max_age.as_secs().into(),
        })))
    }
}

/// What a response says to the page that sent the request.
#[derive(Debug)]
pub(super) enum Sharing {
    /// Cross-origin requests are not configured.
    Off,
    /// Every page may read the response.
    All,
    /// This origin's pages may read it.
    With { origin: HeaderValue, credentials: bool },
    /// No origin was sent, or one that is not listed.
    Unlisted,
}

impl Cors {
    /// Read the origin of a request.
    pub(super) fn sharing(&self, headers: &HeaderMap) -> Sharing {
        let Some(policy) = &self.0 else {
            return Sharing::Off;
        };
        match (&policy.origins, headers.get(ORIGIN)) {
            (Origins::Any, _) => Sharing::All,
            (Origins::Listed(known), Some(origin)) if known.contains(origin) => {
                Sharing::With { origin: origin.clone(), credentials: policy.credentials }
            }
            (Origins::Listed(_), _) => Sharing::Unlisted,
        }
    }

    /// The answer to a preflight request; `None` for every other request.
    pub(super) fn preflight(&self, request: &Request, sharing: &Sharing) -> Option<Response> {
        let policy = self.0.as_ref()?;
        let sent = request.headers();
        let is_preflight = *request.method() == Method::OPTIONS
            && sent.contains_key(ORIGIN)
            && sent.contains_key(ACCESS_CONTROL_REQUEST_METHOD);
        if !is_preflight {
            return None;
        }
        if matches!(sharing, Sharing::Unlisted) {
            let detail = "This origin is not listed in http.cors.origins.";
            return Some(Problem::new(ProblemCode::Forbidden).with_detail(detail).into_response());
        }
        let mut response = Response::builder().status(StatusCode::NO_CONTENT).finish();
        let headers = response.headers_mut();
        headers.insert(VARY, HeaderValue::from_static(PREFLIGHT_VARY));
        headers.insert(ACCESS_CONTROL_ALLOW_METHODS, HeaderValue::from_static(METHODS));
        headers.insert(ACCESS_CONTROL_MAX_AGE, policy.max_age.clone());
        // Tracing and monitoring add headers of their own to every request of a page. The service
        // ignores what it does not know, so there is nothing to refuse.
        let wanted = sent.get(ACCESS_CONTROL_REQUEST_HEADERS).filter(|wanted| is_list(wanted));
        if let Some(wanted) = wanted {
            headers.insert(ACCESS_CONTROL_ALLOW_HEADERS, wanted.clone());
        }
        Some(response)
    }
}

impl Sharing {
    /// Set the headers of a response. A cache must not give the response for one origin to another.
    pub(super) fn apply(self, response: &mut Response) {
        let headers = response.headers_mut();
        match self {
            Self::Off => return,
            Self::All => {
                headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
            }
            Self::With { origin, credentials } => {
                vary(headers);
                headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin);
                if credentials {
                    headers.insert(ACCESS_CONTROL_ALLOW_CREDENTIALS, HeaderValue::from_static("true"));
                }
            }
            Self::Unlisted => return vary(headers),
        }
        headers.insert(ACCESS_CONTROL_EXPOSE_HEADERS, HeaderValue::from_static(EXPOSED));
    }
}

fn vary(headers: &mut HeaderMap) {
    if headers.get(VARY).is_none_or(|value| value != PREFLIGHT_VARY) {
        headers.append(VARY, HeaderValue::from_static("Origin"));
    }
}

/// Whether a value is a list of names of headers.
fn is_list(value: &HeaderValue) -> bool {
    let is_token = |byte: &u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(byte);
    let bytes = value.as_bytes();
    bytes.len() <= MAX_HEADERS && bytes.iter().all(|byte| is_token(byte) || matches!(byte, b',' | b' ' | b'\t'))
}
