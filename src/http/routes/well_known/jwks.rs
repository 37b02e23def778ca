//! GET /.well-known/jwks.json.

use poem_openapi::{Object, OpenApi};

use crate::actions::oauth::jwks::{self, PublicKey};
use crate::http::api::Api;
use crate::http::error_responses::{ALWAYS, error_responses};
use crate::http::etag::if_none_match::IfNoneMatch;
use crate::http::middleware::RequestContext;
use crate::http::responses::Cacheable;
use crate::http::routes::Tag;

/// The public keys (RFC 7517 section 5).
#[derive(Object)]
struct JwkSet {
    /// Keys that verify access tokens.
    keys: Vec<Jwk>,
}

/// A public key (RFC 7517 section 4). An `EC` key has `crv`, `x` and `y`, an `RSA` key `n` and `e`,
/// an `OKP` key `crv` and `x`. Numbers are in base64url without padding.
#[derive(Default, Object)]
#[oai(skip_serializing_if_is_none)]
struct Jwk {
    /// Key type: `EC`, `RSA` or `OKP`.
    kty: String,
    /// Key ID, as in the header of a token: the RFC 7638 thumbprint.
    kid: String,
    /// Intended use: `sig`.
    #[oai(rename = "use")]
    usage: String,
    /// Algorithm, as in the header of a token: `ES256`, `RS256` or `EdDSA`.
    alg: String,
    /// Curve: `P-256` or `Ed25519`.
    crv: Option<String>,
    /// First coordinate of the point, or the Ed25519 key.
    x: Option<String>,
    /// Second coordinate of the point.
    y: Option<String>,
    /// RSA modulus.
    n: Option<String>,
    /// RSA exponent.
    e: Option<String>,
}

impl From<jwks::Jwk> for Jwk {
    fn from(key: jwks::Jwk) -> Self {
        let common = Self {
            kty: key.key.kty().to_owned(),
            kid: key.kid,
            usage: key.usage.to_owned(),
            alg: key.alg.to_owned(),
            ..Self::default()
        };
        match key.key {
            PublicKey::Ec { crv, x, y } => Self { crv: Some(crv.to_owned()), x: Some(x), y: Some(y), ..common },
            PublicKey::Rsa { n, e } => Self { n: Some(n), e: Some(e), ..common },
            PublicKey::Okp { crv, x } => Self { crv: Some(crv.to_owned()), x: Some(x), ..common },
        }
    }
}

error_responses! { GetError: [ALWAYS], [] }

pub struct Jwks(pub Api);

#[OpenApi]
impl Jwks {
    /// Get the public keys
    ///
    /// Returns the keys that verify access tokens. Cache them as `Cache-Control` says, fetch them
    /// again when a token names an unknown key, and take the algorithm from the key: it may change.
    #[oai(path = "/.well-known/jwks.json", method = "get", operation_id = "getJwks", tag = "Tag::Service")]
    async fn get(&self, _context: RequestContext, known: IfNoneMatch) -> Result<Cacheable<JwkSet>, GetError> {
        let published = jwks::run(self.0.services());
        let keys = published.keys.keys.into_iter().map(Jwk::from);
        let set = JwkSet { keys: keys.collect() };
        Ok(Cacheable::new(set, published.max_age, &known))
    }
}
