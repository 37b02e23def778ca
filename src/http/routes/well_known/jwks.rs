//! GET /.well-known/jwks.json.

use poem_openapi::{Object, OpenApi};

use crate::actions::oauth::jwks;
use crate::http::api::Api;
use crate::http::error_responses::{ALWAYS, error_responses};
use crate::http::middleware::RequestContext;
use crate::http::responses::Cacheable;
use crate::http::routes::Tag;

/// The public keys (RFC 7517 section 5).
#[derive(Object)]
struct JwkSet {
    /// Keys that verify access tokens.
    keys: Vec<Jwk>,
}

/// An Ed25519 public key (RFC 8037 section 2).
#[derive(Object)]
struct Jwk {
    /// Key type: `OKP`.
    kty: String,
    /// Curve: `Ed25519`.
    crv: String,
    /// Public key in base64url.
    x: String,
    /// Key ID, as in the header of a token: the RFC 7638 thumbprint.
    kid: String,
    /// Intended use: `sig`.
    #[oai(rename = "use")]
    usage: String,
    /// Algorithm: `EdDSA`.
    alg: String,
}

error_responses! { GetError: [ALWAYS], [] }

pub struct Jwks(pub Api);

#[OpenApi]
impl Jwks {
    /// Get the public keys
    ///
    /// Returns the keys that verify access tokens. Cache them as `Cache-Control` says, and fetch
    /// them again when a token names an unknown key.
    #[oai(path = "/.well-known/jwks.json", method = "get", operation_id = "getJwks", tag = "Tag::Service")]
    async fn get(&self, _context: RequestContext) -> Result<Cacheable<JwkSet>, GetError> {
        let published = jwks::run(self.0.services());
        let keys = published.keys.keys.into_iter();
        let keys = keys.map(|key| Jwk {
            kty: key.kty,
            crv: key.crv,
            x: key.x,
            kid: key.kid,
            usage: key.usage,
            alg: key.alg,
        });
        let set = JwkSet { keys: keys.collect() };
        Ok(Cacheable::new(set, published.max_age))
    }
}
