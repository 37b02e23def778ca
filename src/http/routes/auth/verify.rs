//! GET /auth/verify: a reverse proxy asks whether a request may pass, and whose it is (forward authentication).

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

/// What proxies send their questions to.
pub(crate) const VERIFY: &str = "/auth/verify";

/// The same when they append the path that was asked for; every method is answered there.
pub(crate) const BELOW: &str = "/auth/verify/*path";

const USER_ID: HeaderName = HeaderName::from_static("x-auth-user-id");
const EMAIL: HeaderName = HeaderName::from_static("x-auth-email");
const ROLES: HeaderName = HeaderName::from_static("x-auth-roles");
const SESSION_ID: HeaderName = HeaderName::from_static("x-auth-session-id");

/// What an address may have that a header value, or whoever decodes it, would take for something else.
const ENCODED: &AsciiSet = &CONTROLS.add(b' ').add(b'%').add(b'"').add(b',');

/// It may pass: the four headers, no body. Built by hand: this is the one answer that is as frequent as all others together.
struct Admitted([(HeaderName, HeaderValue); 4]);

impl Admitted {
    /// What the proxy is told, each safe in a header.
    fn of(identity: &Identity) -> Result<Self, Problem> {
        // All of them or nothing: in the place of one that is missing a careless proxy would let the client's own through.
        let value = |text: &str| HeaderValue::from_str(text).map_err(|_| Problem::new(ProblemCode::InternalError));
        let user = &identity.user;
        let mut id = [0; Hyphenated::LENGTH];
        let roles: Vec<&str> = user.roles.iter().map(|role| role.as_str()).collect();
        Ok(Self([
            (USER_ID, value(user.id.as_uuid().hyphenated().encode_lower(&mut id))?),
            (EMAIL, value(&Cow::from(utf8_percent_encode(&user.email, ENCODED)))?),
            (ROLES, value(&roles.join(","))?),
            (
                SESSION_ID,
                value(identity.session_id.as_uuid().hyphenated().encode_lower(&mut id))?,
            ),
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
                "The email address in UTF-8 with everything percent-encoded that is not visible ASCII, and `%`, `\"` and `,`.",
            ),
            header(ROLES, "The roles, separated by commas."),
            header(SESSION_ID, "The session's id."),
        ];
        MetaResponses {
            responses: vec![MetaResponse {
                description: "The request is this user's. No body.",
                status: Some(200),
                status_range: None,
                content: Vec::new(),
                headers,
            }],
        }
    }

    fn register(_registry: &mut Registry) {}
}

error_responses! {
    /// Why it may not.
    VerifyError: [BEARER, ALWAYS], []
}

/// The resource.
pub struct Verify(pub Api);

#[OpenApi]
impl Verify {
    /// May this request pass, and whose is it?
    ///
    /// For reverse proxies: nginx `auth_request`, Traefik ForwardAuth, Envoy ext_authz; see `docs/FORWARD_AUTH.md`. Looks at the
    /// `Authorization` header of the request that the proxy wants to know about. Proxies that append the path asked for may do so, and
    /// below `/auth/verify/` every method is answered. Nothing is recorded.
    #[oai(path = "/auth/verify", method = "get", operation_id = "verify", tag = "Tag::Service")]
    async fn verify(&self, context: RequestContext, bearer: BearerToken) -> Result<Admitted, VerifyError> {
        let identity = self.0.identify(&context, &bearer).await?;
        Ok(Admitted::of(&identity)?)
    }
}

/// The same operation without the way through poem-openapi, which takes as long as the answer; and below [`VERIFY`] no operation
/// could say "whatever the method and the rest of the path".
pub(crate) fn direct(api: Api) -> impl Endpoint {
    let api = Arc::new(api);
    make(move |request: Request| {
        let api = Arc::clone(&api);
        async move { answer(&api, &request).await }
    })
}

async fn answer(api: &Api, request: &Request) -> Result<Admitted, Problem> {
    let context = request
        .data::<RequestContext>()
        .ok_or_else(|| Problem::new(ProblemCode::InternalError))?;
    let bearer = BearerToken::of(request)?.ok_or_else(|| Problem::new(ProblemCode::AuthenticationRequired))?;
    let identity = api.identify(context, &bearer).await?;
    Admitted::of(&identity)
}
