//! GET /auth/verify: a reverse proxy asks whether a request may pass, and whose it is (forward authentication).

use std::sync::Arc;

use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};
use poem::endpoint::make;
use poem::http::{HeaderName, HeaderValue};
use poem::{Endpoint, Request, Response};
use poem_openapi::{ApiResponse, OpenApi};

use super::Tag;
use super::refusals::{ALWAYS, BEARER, refusals};
use crate::actions::authenticate::Identity;
use crate::http::api::Api;
use crate::http::bearer::BearerToken;
use crate::http::middleware::RequestContext;
use crate::http::problem::{Problem, ProblemCode};

/// What proxies may send their questions to when they append the path that was asked for; every method is answered there.
pub(crate) const BELOW: &str = "/auth/verify/*path";

const USER_ID: HeaderName = HeaderName::from_static("x-auth-user-id");
const EMAIL: HeaderName = HeaderName::from_static("x-auth-email");
const ROLES: HeaderName = HeaderName::from_static("x-auth-roles");
const SESSION_ID: HeaderName = HeaderName::from_static("x-auth-session-id");

/// What an address may have that a header value, or whoever decodes it, would take for something else.
const ENCODED: &AsciiSet = &CONTROLS.add(b' ').add(b'%').add(b'"').add(b',');

/// It may pass.
#[derive(ApiResponse)]
enum Admitted {
    /// The request is this user's. No body.
    #[oai(status = 200)]
    Ok(
        /// The user's id.
        #[oai(header = "X-Auth-User-Id")]
        String,
        /// The email address in UTF-8 with everything percent-encoded that is not visible ASCII, and `%`, `"` and `,`.
        #[oai(header = "X-Auth-Email")]
        String,
        /// The roles, separated by commas.
        #[oai(header = "X-Auth-Roles")]
        String,
        /// The session's id.
        #[oai(header = "X-Auth-Session-Id")]
        String,
    ),
}

refusals! {
    /// Why it may not.
    Refused: [BEARER, ALWAYS], []
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
    async fn verify(&self, context: RequestContext, bearer: BearerToken) -> Result<Admitted, Refused> {
        let identity = self.0.identify(&context, &bearer).await?;
        let facts = Facts::of(&identity);
        Ok(Admitted::Ok(facts.user_id, facts.email, facts.roles, facts.session_id))
    }
}

/// The same below `/auth/verify/`, whatever the method and the rest of the path.
pub(crate) fn below(api: Api) -> impl Endpoint {
    let api = Arc::new(api);
    make(move |request: Request| {
        let api = Arc::clone(&api);
        async move { answer(&api, &request).await }
    })
}

async fn answer(api: &Api, request: &Request) -> Result<Response, Problem> {
    let context = request
        .data::<RequestContext>()
        .ok_or_else(|| Problem::new(ProblemCode::InternalError))?;
    let bearer = BearerToken::of(request)?.ok_or_else(|| Problem::new(ProblemCode::AuthenticationRequired))?;
    let identity = api.identify(context, &bearer).await?;
    let facts = Facts::of(&identity);
    let mut response = Response::default();
    for (name, value) in [
        (USER_ID, facts.user_id),
        (EMAIL, facts.email),
        (ROLES, facts.roles),
        (SESSION_ID, facts.session_id),
    ] {
        // A header that is missing would let the client's own through a careless proxy.
        let value = HeaderValue::from_str(&value).map_err(|_| Problem::new(ProblemCode::InternalError))?;
        response.headers_mut().insert(name, value);
    }
    Ok(response)
}

/// What the proxy is told, each safe in a header.
struct Facts {
    user_id: String,
    email: String,
    roles: String,
    session_id: String,
}

impl Facts {
    fn of(identity: &Identity) -> Self {
        let user = &identity.user;
        let roles: Vec<&str> = user.roles.iter().map(|role| role.as_str()).collect();
        Self {
            user_id: user.id.to_string(),
            email: utf8_percent_encode(&user.email, ENCODED).to_string(),
            roles: roles.join(","),
            session_id: identity.session_id.to_string(),
        }
    }
}
