//! The public keys as other services fetch them.

use aws_lc_rs::digest;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Serialize;

use super::SigningKey;
use crate::domain::signing_key::SigningAlgorithm;

/// A JSON Web Key Set (RFC 7517 section 5).
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct JwkSet {
    /// The newest first.
    pub keys: Vec<Jwk>,
}

/// A public key as a JSON Web Key (RFC 7517 section 4).
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Jwk {
    #[serde(flatten)]
    pub key: PublicKey,
    /// Key id: the RFC 7638 thumbprint.
    pub kid: String,
    /// Intended use: `sig`.
    #[serde(rename = "use")]
    pub usage: &'static str,
    /// Algorithm.
    pub alg: &'static str,
}

/// The members of a JSON Web Key that make up the key. Numbers are in base64url without padding.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "kty")]
pub enum PublicKey {
    /// A point on P-256 (RFC 7518 section 6.2.1). Each coordinate has 32 bytes.
    #[serde(rename = "EC")]
    Ec { crv: &'static str, x: String, y: String },
    /// Modulus and exponent, without leading zeros (RFC 7518 section 6.3.1).
    #[serde(rename = "RSA")]
    Rsa { n: String, e: String },
    /// An Ed25519 key (RFC 8037 section 2).
    #[serde(rename = "OKP")]
    Okp { crv: &'static str, x: String },
}

impl PublicKey {
    /// A point on P-256, by its coordinates.
    #[must_use]
    pub fn p256(x: &[u8; 32], y: &[u8; 32]) -> Self {
        Self::Ec {
            crv: "P-256",
            x: URL_SAFE_NO_PAD.encode(x),
            y: URL_SAFE_NO_PAD.encode(y),
        }
    }

    /// An RSA key, by its modulus and exponent.
    #[must_use]
    pub fn rsa(modulus: &[u8], exponent: &[u8]) -> Self {
        Self::Rsa {
            n: URL_SAFE_NO_PAD.encode(modulus),
            e: URL_SAFE_NO_PAD.encode(exponent),
        }
    }

    /// An Ed25519 key.
    #[must_use]
    pub fn ed25519(x: &[u8; 32]) -> Self {
        Self::Okp { crv: "Ed25519", x: URL_SAFE_NO_PAD.encode(x) }
    }

    /// `kty`: the type of the key.
    #[must_use]
    pub const fn kty(&self) -> &'static str {
        match self {
            Self::Ec { .. } => "EC",
            Self::Rsa { .. } => "RSA",
            Self::Okp { .. } => "OKP",
        }
    }

    /// The RFC 7638 thumbprint (SHA-256, base64url): of the members that make up the key, in
    /// lexicographic order.
    #[must_use]
    pub fn thumbprint(&self) -> String {
        let members = match self {
            Self::Ec { crv, x, y } => format!(r#"{{"crv":"{crv}","kty":"EC","x":"{x}","y":"{y}"}}"#),
            Self::Rsa { n, e } => format!(r#"{{"e":"{e}","kty":"RSA","n":"{n}"}}"#),
            Self::Okp { crv, x } => format!(r#"{{"crv":"{crv}","kty":"OKP","x":"{x}"}}"#),
        };
        URL_SAFE_NO_PAD.encode(digest::digest(&digest::SHA256, members.as_bytes()))
    }

    pub(super) fn with(self, kid: String, algorithm: SigningAlgorithm) -> Jwk {
        Jwk { key: self, kid, usage: "sig", alg: algorithm.as_str() }
    }
}

impl From<&SigningKey> for Jwk {
    fn from(key: &SigningKey) -> Self {
        key.public_key().clone().with(key.kid().to_owned(), key.algorithm())
    }
}
