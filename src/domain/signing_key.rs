//! Signing keys at rest, as the database and the key ring exchange them.

use std::fmt;

use time::OffsetDateTime;

use super::text_enum::text_enum;

text_enum! {
    /// The algorithm of a signing key, by its name in the header of a token.
    SigningAlgorithm {
        /// ECDSA with P-256 and SHA-256 (RFC 7518 section 3.4).
        Es256 = "ES256",
        /// RSASSA-PKCS1-v1_5 with SHA-256 (RFC 7518 section 3.3).
        Rs256 = "RS256",
        /// Ed25519 (RFC 8037 section 3.1).
        EdDsa = "EdDSA",
    }
}

impl SigningAlgorithm {
    /// Every algorithm that the service can sign with.
    pub const ALL: [Self; 3] = [Self::Es256, Self::Rs256, Self::EdDsa];
}

/// A signing key as the database holds it: the private part encrypted under the secret key and
/// bound to `kid`.
#[derive(Clone, PartialEq, Eq)]
pub struct SealedKey {
    /// RFC 7638 thumbprint of the public key; the primary key.
    pub kid: String,
    pub algorithm: SigningAlgorithm,
    /// The encrypted private key.
    pub sealed: Vec<u8>,
    /// The public key, encoded as its algorithm does.
    pub public: Vec<u8>,
    /// It is in the JWKS from its creation on.
    pub created_at: OffsetDateTime,
    /// When it may begin to sign.
    pub activates_at: OffsetDateTime,
    /// When it stops verifying and can be deleted. It stops signing earlier, so that its last token
    /// can be verified.
    pub expires_at: OffsetDateTime,
}

impl fmt::Debug for SealedKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SealedKey")
            .field("kid", &self.kid)
            .field("algorithm", &self.algorithm)
            .field("activates_at", &self.activates_at)
            .field("expires_at", &self.expires_at)
            .finish_non_exhaustive()
    }
}
