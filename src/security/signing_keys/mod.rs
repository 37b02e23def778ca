//! Ed25519 keys that sign access tokens: generated, sealed for the database, opened again.

mod jwks;
mod ring;
mod rotation;

use std::fmt;

use aws_lc_rs::digest;
use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair as _, Signature};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::DecodingKey;
use time::OffsetDateTime;
use zeroize::Zeroizing;

pub use jwks::{Jwk, JwkSet};
pub use ring::KeyRing;
pub use rotation::{KeyLife, NewKey, RotationPlan, RotationPolicy, RotationPolicyError, VERIFY_TAIL};

use super::secret_key::{SecretKey, SecretKeyError};
use crate::domain::random::Random;
pub use crate::domain::signing_key::SealedKey;

const SEAL_LABEL: &str = "signing-keys";

/// Of an Ed25519 seed and of a public key (RFC 8032 section 5.1.5).
const KEY_BYTES: usize = 32;

#[derive(Debug, thiserror::Error)]
pub enum SigningKeyError {
    #[error(transparent)]
    Secret(#[from] SecretKeyError),
    #[error("the signing key {kid} is not a usable Ed25519 key")]
    Unusable { kid: String },
    #[error("the row of signing key {kid} is inconsistent: kid, public and private parts do not belong together")]
    Inconsistent { kid: String },
}

pub struct SigningKey {
    life: KeyLife,
    public: [u8; KEY_BYTES],
    seed: Zeroizing<[u8; KEY_BYTES]>,
    pair: Ed25519KeyPair,
    decoding: DecodingKey,
}

impl SigningKey {
    /// Generate a key at `now` with the times of a rotation plan.
    ///
    /// # Errors
    /// Not expected.
    pub fn generate(new: &NewKey, now: OffsetDateTime, random: &dyn Random) -> Result<Self, SigningKeyError> {
        let mut seed = Zeroizing::new([0_u8; KEY_BYTES]);
        random.fill(seed.as_mut_slice());
        Self::from_seed(seed, |kid| KeyLife {
            kid,
            created_at: now,
            activates_at: new.activates_at,
            expires_at: new.expires_at,
        })
        .ok_or_else(|| SigningKeyError::Unusable { kid: "(new)".to_owned() })
    }

    /// Open a key from the database.
    ///
    /// # Errors
    /// It was sealed under another secret key, or the row was changed.
    pub fn open(row: &SealedKey, secret: &SecretKey) -> Result<Self, SigningKeyError> {
        let plain = secret.open(SEAL_LABEL, row.kid.as_bytes(), &row.sealed)?;
        let seed = <[u8; KEY_BYTES]>::try_from(plain.as_slice())
            .map(Zeroizing::new)
            .map_err(|_| SigningKeyError::Unusable { kid: row.kid.clone() })?;
        let key = Self::from_seed(seed, |kid| KeyLife {
            kid,
            created_at: row.created_at,
            activates_at: row.activates_at,
            expires_at: row.expires_at,
        })
        .ok_or_else(|| SigningKeyError::Unusable { kid: row.kid.clone() })?;
        if key.kid() != row.kid || key.public.as_slice() != row.public {
            return Err(SigningKeyError::Inconsistent { kid: row.kid.clone() });
        }
        Ok(key)
    }

    /// Seal the key for the database.
    ///
    /// # Errors
    /// Not expected.
    pub fn seal(&self, secret: &SecretKey, random: &dyn Random) -> Result<SealedKey, SigningKeyError> {
        Ok(SealedKey {
            kid: self.life.kid.clone(),
            sealed: secret.seal(SEAL_LABEL, self.life.kid.as_bytes(), self.seed.as_slice(), random)?,
            public: self.public.to_vec(),
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
    pub const fn life(&self) -> &KeyLife {
        &self.life
    }

    /// The public key (RFC 8032).
    #[must_use]
    pub const fn public(&self) -> &[u8; 32] {
        &self.public
    }

    pub(super) fn sign(&self, message: &[u8]) -> Signature {
        self.pair.sign(message)
    }

    /// The verification key for the JWT library.
    pub(super) const fn decoding(&self) -> &DecodingKey {
        &self.decoding
    }

    fn from_seed(seed: Zeroizing<[u8; KEY_BYTES]>, life: impl FnOnce(String) -> KeyLife) -> Option<Self> {
        let pair = Ed25519KeyPair::from_seed_unchecked(seed.as_slice()).ok()?;
        let public = <[u8; KEY_BYTES]>::try_from(pair.public_key().as_ref()).ok()?;
        Some(Self {
            life: life(thumbprint(&public)),
            public,
            seed,
            pair,
            decoding: DecodingKey::from_ed_der(&public),
        })
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SigningKey").field("life", &self.life).finish_non_exhaustive()
    }
}

/// RFC 7638 thumbprint (SHA-256, base64url) of an Ed25519 public key: the required members of its
/// JWK in lexicographic order (RFC 8037 section 2 and appendix A.3).
#[must_use]
pub fn thumbprint(public: &[u8; 32]) -> String {
    let members = format!(r#"{{"crv":"Ed25519","kty":"OKP","x":"{}"}}"#, URL_SAFE_NO_PAD.encode(public));
    URL_SAFE_NO_PAD.encode(digest::digest(&digest::SHA256, members.as_bytes()))
}
