//! The one long-lived secret of the service, and the keys derived from it.
//!
//! Everything that the service keeps secret at rest or has to verify later depends on this key:
//! sealed signing keys, refresh tokens, keyed hashes. Each use gets a key of its own by HKDF-SHA256
//! (RFC 5869), so a weakness of one use reveals nothing about another. Every instance of a
//! deployment needs the same key.

use std::fmt;

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use aws_lc_rs::{hkdf, hmac};
use secrecy::SecretString;
use zeroize::Zeroizing;

use super::sha256;
use crate::config::{SecretKeyProblem, decode_secret_key};
use crate::domain::random::Random;

/// 256 bits.
pub const MIN_KEY_BYTES: usize = 32;

/// A larger file was given by mistake.
pub const MAX_KEY_BYTES: usize = 1024;

/// Random bytes have fewer distinct values in their first 32 with a probability below 10^-12.
const MIN_DISTINCT_BYTES: usize = 16;

/// Separates this service from other uses of the same key material.
const EXTRACT_SALT: &[u8] = b"watchword/secret-key/v1";

/// The first byte of what [`SecretKey::seal`] returns: its format.
const SEAL_VERSION: u8 = 1;

/// Why the configured secret key cannot be used: the service does not start.
#[derive(Debug, thiserror::Error)]
pub enum SecretKeyLoadError {
    #[error("secret_key {0}; make one with `openssl rand -base64 32`")]
    Refused(#[from] SecretKeyProblem),
    #[error("secret_key holds {0} bytes, at least 32 are needed; make one with `openssl rand -base64 32`")]
    TooShort(usize),
    #[error("secret_key holds {0} bytes, at most 1024 are accepted")]
    TooLong(usize),
    /// The key is text or a repeated pattern.
    #[error("secret_key is guessable (text or a pattern); make one with `openssl rand -base64 32`")]
    Guessable,
    #[error(
        "the secret key {path} cannot be {action}; make its directory (data_dir) writable for the service, or give the \
         key in WATCHWORD_SECRET_KEY"
    )]
    File {
        path: std::path::PathBuf,
        /// "read" or "created".
        action: &'static str,
        source: std::io::Error,
    },
    #[error(transparent)]
    Key(#[from] SecretKeyError),
}

/// Why no key was derived, or sealed bytes could not be opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SecretKeyError {
    /// The cryptographic library refused; not reachable with the fixed sizes used here.
    #[error("the cryptographic library refused the operation")]
    Crypto,
    /// Sealed bytes were changed, truncated, sealed for another purpose, or under another key.
    #[error("sealed data cannot be opened: wrong secret_key, or damaged data")]
    CannotOpen,
}

/// The secret key of a deployment (`secret_key`, `WATCHWORD_SECRET_KEY`).
pub struct SecretKey {
    prk: hkdf::Prk,
    identifiers: MacKey,
}

impl SecretKey {
    /// Use raw key material.
    ///
    /// # Errors
    /// Material that is too short, too long or guessable (RFC 8725 section 3.5).
    pub fn from_bytes(material: &[u8]) -> Result<Self, SecretKeyLoadError> {
        if material.len() < MIN_KEY_BYTES {
            return Err(SecretKeyLoadError::TooShort(material.len()));
        }
        if material.len() > MAX_KEY_BYTES {
            return Err(SecretKeyLoadError::TooLong(material.len()));
        }
        if is_guessable(material) {
            return Err(SecretKeyLoadError::Guessable);
        }
        let prk = hkdf::Salt::new(hkdf::HKDF_SHA256, EXTRACT_SALT).extract(material);
        let identifiers = derive_mac_key(&prk, "identifier-hash")?;
        Ok(Self { prk, identifiers })
    }

    /// Decode base64 text, standard or URL-safe, padded or not.
    ///
    /// # Errors
    /// As [`SecretKey::from_bytes`], and text that is not base64.
    pub fn from_base64(text: &SecretString) -> Result<Self, SecretKeyLoadError> {
        Self::from_bytes(&decode_secret_key(text)?)
    }

    /// Derive a key for message authentication codes, one for each `label`.
    ///
    /// # Errors
    /// [`SecretKeyError::Crypto`]; not expected.
    pub fn mac_key(&self, label: &'static str) -> Result<MacKey, SecretKeyError> {
        derive_mac_key(&self.prk, label)
    }

    /// HMAC-SHA256 of `message` under the key of `label`.
    ///
    /// # Errors
    /// [`SecretKeyError::Crypto`]; not expected.
    pub fn mac(&self, label: &'static str, message: &[u8]) -> Result<[u8; 32], SecretKeyError> {
        Ok(self.mac_key(label)?.sign(message))
    }

    /// Encrypt `plain` with AES-256-GCM under the key of `label`, bound to `context` (a row's id,
    /// so that sealed values cannot be swapped). Result: version, 12 bytes of nonce, ciphertext, 16
    /// bytes of tag.
    ///
    /// # Errors
    /// [`SecretKeyError::Crypto`]; not expected.
    pub fn seal(
        &self,
        label: &'static str,
        context: &[u8],
        plain: &[u8],
        random: &dyn Random,
    ) -> Result<Vec<u8>, SecretKeyError> {
        let mut nonce = [0_u8; NONCE_LEN];
        random.fill(&mut nonce);
        let mut body = plain.to_vec();
        self.aead_key(label)?
            .seal_in_place_append_tag(Nonce::assume_unique_for_key(nonce), Aad::from(context), &mut body)
            .map_err(|_| SecretKeyError::Crypto)?;
        let mut sealed = Vec::with_capacity(1 + NONCE_LEN + body.len());
        sealed.push(SEAL_VERSION);
        sealed.extend_from_slice(&nonce);
        sealed.append(&mut body);
        Ok(sealed)
    }

    /// Decrypt what [`SecretKey::seal`] returned for the same `label` and `context`.
    ///
    /// # Errors
    /// [`SecretKeyError::CannotOpen`] for anything else.
    pub fn open(
        &self,
        label: &'static str,
        context: &[u8],
        sealed: &[u8],
    ) -> Result<Zeroizing<Vec<u8>>, SecretKeyError> {
        let Some((&SEAL_VERSION, rest)) = sealed.split_first() else {
            return Err(SecretKeyError::CannotOpen);
        };
        let Some((nonce, body)) = rest.split_first_chunk::<NONCE_LEN>() else {
            return Err(SecretKeyError::CannotOpen);
        };
        let mut buffer = Zeroizing::new(body.to_vec());
        let plain_len = self
            .aead_key(label)?
            .open_in_place(Nonce::assume_unique_for_key(*nonce), Aad::from(context), &mut buffer)
            .map_err(|_| SecretKeyError::CannotOpen)?
            .len();
        buffer.truncate(plain_len);
        Ok(buffer)
    }

    /// Hash an identifier, for events about accounts that may not exist: equal identifiers can be
    /// counted, and a guess cannot be tested without the key. Canonicalize the identifier first.
    #[must_use]
    pub fn identifier_hash(&self, identifier: &str) -> [u8; 32] {
        self.identifiers.sign(identifier.as_bytes())
    }

    fn aead_key(&self, label: &'static str) -> Result<LessSafeKey, SecretKeyError> {
        let mut bytes = Zeroizing::new([0_u8; 32]);
        derive(&self.prk, "seal", label, &mut bytes)?;
        let key = UnboundKey::new(&AES_256_GCM, bytes.as_slice()).map_err(|_| SecretKeyError::Crypto)?;
        Ok(LessSafeKey::new(key))
    }
}

impl fmt::Debug for SecretKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SecretKey([redacted])")
    }
}

/// A derived key for HMAC-SHA256 (RFC 2104).
#[derive(Clone)]
pub struct MacKey(hmac::Key);

impl MacKey {
    #[must_use]
    pub fn sign(&self, message: &[u8]) -> [u8; 32] {
        sha256::array(hmac::sign(&self.0, message).as_ref())
    }

    /// Whether `tag` authenticates `message`, in constant time.
    #[must_use]
    pub fn verify(&self, message: &[u8], tag: &[u8]) -> bool {
        hmac::verify(&self.0, message, tag).is_ok()
    }
}

impl fmt::Debug for MacKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("MacKey([redacted])")
    }
}

fn derive_mac_key(prk: &hkdf::Prk, label: &str) -> Result<MacKey, SecretKeyError> {
    let mut bytes = Zeroizing::new([0_u8; 32]);
    derive(prk, "mac", label, &mut bytes)?;
    Ok(MacKey(hmac::Key::new(hmac::HMAC_SHA256, bytes.as_slice())))
}

/// HKDF-Expand with `purpose/label` as the info, so that the MAC key and the sealing key of a label
/// differ.
fn derive(prk: &hkdf::Prk, purpose: &str, label: &str, out: &mut [u8; 32]) -> Result<(), SecretKeyError> {
    let info = [purpose.as_bytes(), b"/", label.as_bytes()];
    prk.expand(&info, hkdf::HKDF_SHA256)
        .and_then(|okm| okm.fill(out))
        .map_err(|_| SecretKeyError::Crypto)
}

/// Whether key material looks like text or a pattern. Random material is refused with a probability
/// below 10^-12.
fn is_guessable(material: &[u8]) -> bool {
    let head: Vec<u8> = material.iter().copied().take(MIN_KEY_BYTES).collect();
    let distinct = head.iter().collect::<std::collections::BTreeSet<_>>().len();
    let printable = material.iter().all(|b| b.is_ascii_graphic() || b.is_ascii_whitespace());
    distinct < MIN_DISTINCT_BYTES || printable
}
