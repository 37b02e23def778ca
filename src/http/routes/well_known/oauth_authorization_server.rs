//! GET /.well-known/oauth-authorization-server.

use poem_openapi::{Object, OpenApi};

use crate::actions::oauth::server_metadata;
use crate::http::api::Api;
use crate::http::error_responses::{ALWAYS, error_responses};
use crate::http::etag::if_none_match::IfNoneMatch;
use crate::http::middleware::RequestContext;
use crate::http::responses::Cacheable;
use crate::http::routes::Tag;

/// The one way in which clients authenticate.
const CLIENT_SECRET_BASIC: &str = "client_secret_basic";

/// Authorization server metadata (RFC 8414 section 2).
#[derive(Object)]
#[oai(skip_serializing_if_is_none)]
struct ServerMetadata {
    /// `iss` of access tokens.
    issuer: String,
    /// URL of the public keys.
    jwks_uri: String,
    /// URL of token introspection; absent without `oauth.clients`.
    introspection_endpoint: Option<String>,
    /// How clients authenticate for introspection.
    introspection_endpoint_auth_methods_supported: Option<Vec<String>>,
    /// URL of token revocation; absent without `oauth.clients`.
    revocation_endpoint: Option<String>,
    /// How clients authenticate for revocation.
    revocation_endpoint_auth_methods_supported: Option<Vec<String>>,
    /// Empty: there is no authorization endpoint.
    response_types_supported: Vec<String>,
    /// Empty: there is no token endpoint. An absent field would mean two grant types.
    grant_types_supported: Vec<String>,
}

error_responses! { GetError: [ALWAYS], [] }

pub struct AuthorizationServer(pub Api);

#[OpenApi]
impl AuthorizationServer {
    /// Get the authorization server metadata
    ///
    /// Returns the metadata of RFC 8414. Users log in at `/auth/login`, so there is neither an
    /// authorization nor a token endpoint.
    #[oai(
        path = "/.well-known/oauth-authorization-server",
        method = "get",
        operation_id = "getAuthorizationServer",
        tag = "Tag::Service"
    )]
    async fn get(&self, _context: RequestContext, known: IfNoneMatch) -> Result<Cacheable<ServerMetadata>, GetError> {
        let (metadata, base) = (server_metadata::run(self.0.services()), self.0.base_url());
        let endpoint = |path: &str| metadata.has_clients.then(|| format!("{base}{path}"));
        let methods = || metadata.has_clients.then(|| vec![CLIENT_SECRET_BASIC.to_owned()]);
        let body = ServerMetadata {
            issuer: metadata.issuer.clone(),
            jwks_uri: format!("{base}/.well-known/jwks.json"),
            introspection_endpoint: endpoint("/oauth/introspect"),
            introspection_endpoint_auth_methods_supported: methods(),
            revocation_endpoint: endpoint("/oauth/revoke"),
            revocation_endpoint_auth_methods_supported: methods(),
            response_types_supported: Vec::new(),
            grant_types_supported: Vec::new(),
        };
        Ok(Cacheable::new(body, metadata.max_age, &known))
    }
}
