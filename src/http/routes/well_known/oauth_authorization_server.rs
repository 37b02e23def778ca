//! GET /.well-known/oauth-authorization-server.

use poem_openapi::payload::Json;
use poem_openapi::{ApiResponse, Object, OpenApi};

use crate::http::api::Api;
use crate::http::error_responses::{ALWAYS, error_responses};
use crate::http::middleware::RequestContext;
use crate::http::routes::Tag;

/// Changes with the configuration alone.
const MAX_AGE: &str = "public, max-age=300";
/// The one way in which clients authenticate.
const CLIENT_SECRET_BASIC: &str = "client_secret_basic";

/// What of OAuth is here (RFC 8414 section 2).
#[derive(Object)]
#[oai(skip_serializing_if_is_none)]
struct ServerMetadata {
    /// `iss` of the tokens.
    issuer: String,
    /// Where the public keys are.
    jwks_uri: String,
    /// Where tokens are looked up; left out while no client may.
    introspection_endpoint: Option<String>,
    /// How clients authenticate there.
    introspection_endpoint_auth_methods_supported: Option<Vec<String>>,
    /// Where tokens are revoked; left out while no client may.
    revocation_endpoint: Option<String>,
    /// How clients authenticate there.
    revocation_endpoint_auth_methods_supported: Option<Vec<String>>,
    /// None: there is no authorization endpoint.
    response_types_supported: Vec<String>,
    /// None: there is no token endpoint. Left out it would mean two.
    grant_types_supported: Vec<String>,
}

/// What is here.
#[derive(ApiResponse)]
enum Published {
    /// Cache it as the header says.
    #[oai(status = 200)]
    Ok(
        Json<ServerMetadata>,
        /// How long to cache.
        #[oai(header = "Cache-Control")]
        String,
    ),
}

error_responses! {
    /// Why there is nothing to show.
    MetadataError: [ALWAYS], []
}

/// The resource.
pub struct OauthServer(pub Api);

#[OpenApi]
impl OauthServer {
    /// Show what of OAuth is here
    ///
    /// Authorization server metadata (RFC 8414). Users log in at `/auth/login`, so there is neither an authorization nor a token endpoint.
    #[oai(
        path = "/.well-known/oauth-authorization-server",
        method = "get",
        operation_id = "getAuthorizationServer",
        tag = "Tag::Service"
    )]
    async fn get(&self, _context: RequestContext) -> Result<Published, MetadataError> {
        let (auth, base) = (self.0.auth(), self.0.base_url());
        let with_clients = !auth.clients.is_empty();
        let endpoint = |path: &str| with_clients.then(|| format!("{base}{path}"));
        let methods = || with_clients.then(|| vec![CLIENT_SECRET_BASIC.to_owned()]);
        let metadata = ServerMetadata {
            issuer: auth.access.policy().issuer.clone(),
            jwks_uri: format!("{base}/.well-known/jwks.json"),
            introspection_endpoint: endpoint("/oauth/introspect"),
            introspection_endpoint_auth_methods_supported: methods(),
            revocation_endpoint: endpoint("/oauth/revoke"),
            revocation_endpoint_auth_methods_supported: methods(),
            response_types_supported: Vec::new(),
            grant_types_supported: Vec::new(),
        };
        Ok(Published::Ok(Json(metadata), MAX_AGE.to_owned()))
    }
}
