//! Documented error responses: every operation lists its problem codes, and the `OpenAPI` document
//! shows them by status.

use std::collections::BTreeMap;

use poem_openapi::payload::Payload as _;
use poem_openapi::registry::{MetaHeader, MetaMediaType, MetaResponse, MetaResponses, Registry};
use poem_openapi::types::Type as _;

use super::problem::{MfaRequired, Problem, ProblemCode};

/// Problems of every operation with a JSON body.
pub const BODY: &[ProblemCode] = &[
    ProblemCode::BadRequest,
    ProblemCode::InvalidJson,
    ProblemCode::RequestTimeout,
    ProblemCode::PayloadTooLarge,
    ProblemCode::UnsupportedMediaType,
    ProblemCode::ValidationFailed,
];

/// Problems of every operation with an access token.
pub const BEARER: &[ProblemCode] = &[ProblemCode::AuthenticationRequired, ProblemCode::InvalidToken];

/// Problems of every operation.
pub const ALWAYS: &[ProblemCode] = &[
    ProblemCode::PayloadTooLarge,
    ProblemCode::InternalError,
    ProblemCode::Overloaded,
    ProblemCode::ServiceUnavailable,
    ProblemCode::DeadlineExceeded,
];

/// The error responses of an operation, by status.
pub type Descriptions = BTreeMap<u16, Description>;

/// An error response: its text, and whether its body is that of `mfa_required`.
pub struct Description {
    text: String,
    is_mfa_required: bool,
}

/// Group codes by status.
#[must_use]
pub fn describe(codes: &[&[ProblemCode]]) -> Descriptions {
    let mut by_status: BTreeMap<u16, Vec<ProblemCode>> = BTreeMap::new();
    for code in codes.iter().copied().flatten().copied() {
        let known = by_status.entry(code.status().as_u16()).or_default();
        if !known.contains(&code) {
            known.push(code);
        }
    }
    let line = |code: &ProblemCode| format!("`{}`: {}.", code.as_str(), code.title());
    by_status
        .into_iter()
        .map(|(status, codes)| {
            let text = codes.iter().map(line).collect::<Vec<_>>().join(" ");
            let is_mfa_required = codes == [ProblemCode::MfaRequired];
            (status, Description { text, is_mfa_required })
        })
        .collect()
}

/// The error responses of an operation, for the `OpenAPI` document.
#[must_use]
pub fn meta(descriptions: &'static Descriptions) -> MetaResponses {
    let response = |(status, description): (&u16, &'static Description)| MetaResponse {
        description: &description.text,
        status: Some(*status),
        status_range: None,
        content: vec![MetaMediaType {
            content_type: Problem::CONTENT_TYPE,
            schema: if description.is_mfa_required {
                MfaRequired::schema_ref()
            } else {
                Problem::schema_ref()
            },
        }],
        headers: headers(*status),
    };
    MetaResponses { responses: descriptions.iter().map(response).collect() }
}

/// Add the schemas of error responses to the document.
pub fn register(registry: &mut Registry) {
    Problem::register(registry);
    MfaRequired::register(registry);
}

/// The headers of an error response that a client should read.
fn headers(status: u16) -> Vec<MetaHeader> {
    const RETRY_AFTER: (&str, &str) = ("Retry-After", "Seconds to wait before a retry.");
    let names: &[(&str, &str)] = match status {
        429 => &[
            RETRY_AFTER,
            (
                "RateLimit",
                "The rate limit, its remaining quota (`r`) and the seconds to wait (`t`): `\"login\";r=0;t=3`.",
            ),
            (
                "RateLimit-Policy",
                "The rate limit, its quota (`q`) and its window in seconds (`w`): `\"login\";q=20;w=60`.",
            ),
        ],
        503 => &[RETRY_AFTER],
        _ => &[],
    };
    let header = |(name, description): &(&str, &str)| MetaHeader {
        name: (*name).to_owned(),
        description: Some((*description).to_owned()),
        required: true,
        deprecated: false,
        schema: String::schema_ref(),
    };
    names.iter().map(header).collect()
}

/// Declare the error type of an operation: a [`Problem`](crate::http::problem::Problem) with a list
/// of its possible codes.
macro_rules! error_responses {
    ($name:ident: [$($shared:expr),* $(,)?], [$($code:ident),* $(,)?]) => {
        #[derive(Debug)]
        pub struct $name($crate::http::problem::Problem);

        impl From<$crate::http::problem::Problem> for $name {
            fn from(problem: $crate::http::problem::Problem) -> Self {
                Self(problem)
            }
        }

        impl From<$name> for poem::Error {
            fn from(error: $name) -> Self {
                error.0.into()
            }
        }

        impl poem_openapi::ApiResponse for $name {
            fn meta() -> poem_openapi::registry::MetaResponses {
                static DESCRIPTIONS: std::sync::LazyLock<$crate::http::error_responses::Descriptions> =
                    std::sync::LazyLock::new(|| {
                        let own = &[$($crate::http::problem::ProblemCode::$code),*];
                        $crate::http::error_responses::describe(&[$($shared,)* own])
                    });
                $crate::http::error_responses::meta(&DESCRIPTIONS)
            }

            fn register(registry: &mut poem_openapi::registry::Registry) {
                $crate::http::error_responses::register(registry);
            }
        }
    };
}
pub(crate) use error_responses;
