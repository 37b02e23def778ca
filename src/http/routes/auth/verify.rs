//! GET /auth/verify: forward authentication, for reverse proxies.

use std::borrow::Cow;
use std::sync::Arc;

use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};
use poem::endpoint::make;
use poem::http::{HeaderName, HeaderValue};
use poem::{Endpoint, IntoResponse, Request, Response};
use poem_openapi::registry::{MetaHeader, MetaResponse, MetaResponses, Registry};
use poem_openapi::types::Type as _;
use poem_openapi::{ApiResponse, OpenApi};
use uuid::fmt::Hyphenated;

use crate::actions::sessions::authenticate::Identity;
use crate::http::api::Api;
use crate::http::bearer::BearerToken;
use crate::http::error_responses::{ALWAYS, BEARER, error_responses};
use crate::http::middleware::RequestContext;
use crate::http::problem::{Problem, ProblemCode};
use crate::http::routes::Tag;

/// The path that proxies call.
pub(crate) const PATH: &str = "/auth/verify";

/// The same for proxies that append the path of the original request; every method is answered
/// there.
pub(crate) const PATH_PREFIX: &str = "/auth/verify/*path";

const USER_ID: HeaderName = HeaderName::from_static("x-auth-user-id");
const EMAIL: HeaderName = HeaderName::from_static("x-auth-email");
const ROLES: HeaderName = HeaderName::from_static("x-auth-roles");
const SESSION_ID: HeaderName = HeaderName::from_static("x-auth-session-id");

/// Characters of an email address that are percent-encoded in a header value.
const ENCODED: &AsciiSet = &CONTROLS.add(b' ').add(b'%').add(b'"').add(b',');

/// `200` with four headers and no body. Written by hand, since it is as frequent as all other
/// responses together.
struct Admitted([(HeaderName, HeaderValue); 4]);

impl Admitted {
    fn of(caller: &Identity) -> Result<Self, Problem> {
        // All headers or none: a proxy could forward the client's own header in place of a missing
        // one.
        let value = |text: &str| HeaderValue::from_str(text).map_err(|_| Problem::new(ProblemCode::InternalError));
        let user = &caller.user;
        let mut id = [0; Hyphenated::LENGTH];
        let roles: Vec<&str> = user.roles.iter().map(|role| role.as_str()).collect();
        Ok(Self([
            (USER_ID, value(user.id.as_uuid().hyphenated().encode_lower(&mut id))?),
            (EMAIL, value(&Cow::from(utf8_percent_encode(user.email.as_str(), ENCODED)))?),
            (ROLES, value(&roles.join(","))?),
            (SESSION_ID, value(caller.session_id.as_uuid().hyphenated().encode_lower(&mut id))?),
        ]))
    }
}

impl IntoResponse for Admitted {
    fn into_response(self) -> Response {
        let mut response = Response::default();
        response.headers_mut().extend(self.0);
        response
    }
}

impl ApiResponse for Admitted {
    fn meta() -> MetaResponses {
        let header = |name: HeaderName, description: &str| MetaHeader {
            name: name.as_str().to_ascii_uppercase(),
            description: Some(description.to_owned()),
            required: true,
            deprecated: false,
            schema: String::schema_ref(),
        };
        let headers = vec![
            header(USER_ID, "The user's id."),
            header(
                EMAIL,
                "The email address in UTF-8; all but visible ASCII is percent-encoded, and so are `%`, `\"` and `,`.",
            ),
            header(ROLES, "The roles, separated by commas."),
            header(SESSION_ID, "The session's id."),
        ];
        MetaResponses {
            responses: vec![MetaResponse {
                description: "The token is valid and belongs to this user. No body.",
                status: Some(200),
                status_range: None,
                content: Vec::new(),
                headers,
            }],
        }
    }

    fn register(_registry: &mut Registry) {}
}

error_responses! { VerifyError: [BEARER, ALWAYS], [] }

pub struct Verify(pub Api);

#[OpenApi]
impl Verify {
    /// Verify a request
    ///
    /// Verifies the access token in the `Authorization` header and returns its user in headers. For
    /// reverse proxies: nginx `auth_request`, Traefik ForwardAuth, Envoy ext_authz; see
    /// `docs/FORWARD_AUTH.md`. Proxies may append the path of the original request: below
    /// `/auth/verify/`, every path and method is answered. Records no event.
    #[oai(path = "/auth/verify", method = "get", operation_id = "verifyRequest", tag = "Tag::Service")]
    async fn verify(&self, context: RequestContext, bearer: BearerToken) -> Result<Admitted, VerifyError> {
        let caller = self.0.identify(&context, &bearer).await?;
        Ok(Admitted::of(&caller)?)
    }
}

/// The same operation without poem-openapi, which would take as long as the operation itself, and
/// which cannot describe every method and path below [`PATH`].
pub(crate) fn direct(api: Api) -> impl Endpoint {
    let api = Arc::new(api);
    make(move |request: Request| {
        let api = Arc::clone(&api);
        async move { verify(&api, &request).await }
    })
}

async fn verify(api: &Api, request: &Request) -> Result<Admitted, Problem> {
    let context = request.data::<RequestContext>().ok_or_else(|| Problem::new(ProblemCode::InternalError))?;
    let bearer = BearerToken::of(request)?.ok_or_else(|| Problem::new(ProblemCode::AuthenticationRequired))?;
    let caller = api.identify(context, &bearer).await?;
    Admitted::of(&caller)
}
