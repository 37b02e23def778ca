//! The metadata of this authorization server. Two standards define an address for it, and each has
//! two forms for an issuer with a path.

use poem::endpoint::make_sync;
use poem::{Endpoint, IntoResponse as _};
use poem_openapi::Object;

use crate::actions::oauth::server_metadata;
use crate::http::api::Api;
use crate::http::etag::if_none_match::IfNoneMatch;
use crate::http::responses::Cacheable;

/// Where clients look for the metadata: RFC 8414 section 3, and `OpenID` Connect Discovery 1.0
/// section 4.
pub const PATHS: [&str; 2] = [
    "/.well-known/oauth-authorization-server",
    "/.well-known/openid-configuration",
];

/// The one way in which clients authenticate.
const CLIENT_SECRET_BASIC: &str = "client_secret_basic";

/// Metadata of the authorization server (RFC 8414 section 2, `OpenID` Connect Discovery 1.0 section
/// 3).
#[derive(Object)]
#[oai(skip_serializing_if_is_none)]
pub struct ServerMetadata {
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
    /// `public`: every client sees the same `sub`.
    subject_types_supported: Vec<String>,
    /// Algorithms that a token may have, the configured one first. Readers that keep this list
    /// accept the next key, too, whatever its algorithm.
    id_token_signing_alg_values_supported: Vec<String>,
    /// Values of `acr`: `2` with more than one factor, else `1`.
    acr_values_supported: Vec<String>,
}

/// The document, for a client that has none or another version of it.
pub(super) fn document(api: &Api, known: &IfNoneMatch) -> Cacheable<ServerMetadata> {
    let (metadata, base) = (server_metadata::run(api.services()), api.base_url());
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
        subject_types_supported: vec!["public".to_owned()],
        id_token_signing_alg_values_supported: metadata.algorithms.iter().map(ToString::to_string).collect(),
        acr_values_supported: vec!["1".to_owned(), "2".to_owned()],
    };
    Cacheable::new(body, metadata.max_age, known)
}

/// The document outside the base path, where the `OpenAPI` document does not reach.
pub fn endpoint(api: Api) -> impl Endpoint {
    make_sync(move |request| document(&api, &IfNoneMatch::of(&request)).into_response())
}
