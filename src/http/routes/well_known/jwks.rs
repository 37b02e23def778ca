//! GET /.well-known/jwks.json.

use poem_openapi::payload::Json;
use poem_openapi::{ApiResponse, Object, OpenApi};

use crate::http::api::Api;
use crate::http::error_responses::{ALWAYS, error_responses};
use crate::http::middleware::RequestContext;
use crate::http::routes::Tag;

/// Seconds that a key set may be cached: a new key is published long before it signs.
const MAX_AGE: &str = "public, max-age=300";

/// The public keys (RFC 7517 section 5).
#[derive(Object)]
struct JwkSet {
    /// The keys that access tokens may be signed with.
    keys: Vec<Jwk>,
}

/// An Ed25519 public key (RFC 8037 section 2).
#[derive(Object)]
struct Jwk {
    /// Key type: `OKP`.
    kty: String,
    /// Curve: `Ed25519`.
    crv: String,
    /// The public key in base64url.
    x: String,
    /// Key id, as in the header of a token: the RFC 7638 thumbprint.
    kid: String,
    /// Intended use: `sig`.
    #[oai(rename = "use")]
    usage: String,
    /// Algorithm: `EdDSA`.
    alg: String,
}

/// The public keys.
#[derive(ApiResponse)]
enum Published {
    /// Cache them as the header says, and fetch again when a token names another key.
    #[oai(status = 200)]
    Ok(
        Json<JwkSet>,
        /// How long to cache.
        #[oai(header = "Cache-Control")]
        String,
    ),
}

error_responses! {
    /// Why there are no keys to show.
    JwksError: [ALWAYS], []
}

/// The resource.
pub struct Jwks(pub Api);

#[OpenApi]
impl Jwks {
    /// Show the public keys
    ///
    /// For services that verify access tokens themselves.
    #[oai(
        path = "/.well-known/jwks.json",
        method = "get",
        operation_id = "getJwks",
        tag = "Tag::Service"
    )]
    async fn get(&self, _context: RequestContext) -> Result<Published, JwksError> {
        let auth = self.0.auth();
        let known = auth.access.keys().jwks(auth.clock.now());
        let keys = known.keys.into_iter();
        let keys = keys.map(|key| Jwk {
            kty: key.kty,
            crv: key.crv,
            x: key.x,
            kid: key.kid,
            usage: key.usage,
            alg: key.alg,
        });
        Ok(Published::Ok(Json(JwkSet { keys: keys.collect() }), MAX_AGE.to_owned()))
    }
}
