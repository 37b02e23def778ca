//! Keys that sign access tokens, of several algorithms: generated, sealed for the database, opened
//! again.

mod jwks;
mod key_pair;
mod ring;
mod rotation;

use std::fmt;

use jsonwebtoken::DecodingKey;
use time::OffsetDateTime;

pub use jwks::{Jwk, JwkSet, PublicKey};
pub use key_pair::KeyPair;
pub use ring::KeyRing;
pub use rotation::{KeyLife, NewKey, RotationPlan, RotationPolicy, RotationPolicyError, VERIFY_TAIL};

use super::secret_key::{SecretKey, SecretKeyError};
use crate::domain::random::Random;
pub use crate::domain::signing_key::{SealedKey, SigningAlgorithm};

const SEAL_LABEL: &str = "signing-keys";

#[derive(Debug, thiserror::Error)]
pub enum SigningKeyError {
    #[error(transparent)]
    Secret(#[from] SecretKeyError),
    #[error("no {0} key could be generated")]
    Generate(SigningAlgorithm),
    #[error("the signing key {kid} is not a usable {algorithm} key")]
    Unusable { kid: String, algorithm: SigningAlgorithm },
    #[error("the row of signing key {kid} is inconsistent: kid, public and private parts do not belong together")]
    Inconsistent { kid: String },
}

pub struct SigningKey {
    life: KeyLife,
    pair: KeyPair,
    decoding: DecodingKey,
}

impl SigningKey {
    /// A key that was generated at `now`, with the times of a rotation plan.
    #[must_use]
    pub fn new(pair: KeyPair, new: &NewKey, now: OffsetDateTime) -> Self {
        let life = KeyLife {
            kid: pair.public_key().thumbprint(),
            algorithm: pair.algorithm(),
            created_at: now,
            activates_at: new.activates_at,
            expires_at: new.expires_at,
        };
        Self::with_life(pair, life)
    }

    /// Open a key from the database.
    ///
    /// # Errors
    /// It was sealed under another secret key, or the row was changed.
    pub fn open(row: &SealedKey, secret: &SecretKey) -> Result<Self, SigningKeyError> {
        let plain = secret.open(SEAL_LABEL, row.kid.as_bytes(), &row.sealed)?;
        let pair = KeyPair::from_private(row.algorithm, &plain)
            .ok_or_else(|| SigningKeyError::Unusable { kid: row.kid.clone(), algorithm: row.algorithm })?;
        if pair.public_key().thumbprint() != row.kid || pair.public() != row.public {
            return Err(SigningKeyError::Inconsistent { kid: row.kid.clone() });
        }
        let life = KeyLife {
            kid: row.kid.clone(),
            algorithm: row.algorithm,
            created_at: row.created_at,
            activates_at: row.activates_at,
            expires_at: row.expires_at,
        };
        Ok(Self::with_life(pair, life))
    }

    /// Seal the key for the database.
    ///
    /// # Errors
    /// Not expected.
    pub fn seal(&self, secret: &SecretKey, random: &dyn Random) -> Result<SealedKey, SigningKeyError> {
        let kid = self.life.kid.clone();
        let private = self
            .pair
            .private()
            .ok_or_else(|| SigningKeyError::Unusable { kid: kid.clone(), algorithm: self.life.algorithm })?;
        Ok(SealedKey {
            sealed: secret.seal(SEAL_LABEL, kid.as_bytes(), &private, random)?,
            kid,
            algorithm: self.life.algorithm,
            public: self.pair.public().to_vec(),
            created_at: self.life.created_at,
            activates_at: self.life.activates_at,
            expires_at: self.life.expires_at,
        })
    }

    /// The key id: the RFC 7638 thumbprint of the public key.
    #[must_use]
    pub fn kid(&self) -> &str {
        &self.life.kid
    }

    #[must_use]
    pub const fn algorithm(&self) -> SigningAlgorithm {
        self.life.algorithm
    }

    #[must_use]
    pub const fn life(&self) -> &KeyLife {
        &self.life
    }

    /// The public key as its algorithm encodes it.
    #[must_use]
    pub fn public(&self) -> &[u8] {
        self.pair.public()
    }

    /// The public key as the JWKS shows it.
    #[must_use]
    pub const fn public_key(&self) -> &PublicKey {
        self.pair.public_key()
    }

    pub(super) fn sign(&self, message: &[u8]) -> Option<Vec<u8>> {
        self.pair.sign(message)
    }

    /// The verification key for the JWT library.
    pub(super) const fn decoding(&self) -> &DecodingKey {
        &self.decoding
    }

    fn with_life(pair: KeyPair, life: KeyLife) -> Self {
        let decoding = pair.decoding();
        Self { life, pair, decoding }
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SigningKey").field("life", &self.life).finish_non_exhaustive()
    }
}
