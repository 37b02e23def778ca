//! Decoding and checking the master secret.

use base64::{
    Engine as _, alphabet,
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig},
};
use secrecy::{ExposeSecret as _, SecretString};
use zeroize::Zeroizing;

/// Minimum length in bytes.
const MIN_LENGTH: usize = 32;

/// Minimum number of different bytes. 32 random bytes have about 30 different ones, and practically
/// never fewer than this.
const MIN_DISTINCT_BYTES: usize = 12;

/// Why a secret key is refused.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum SecretKeyProblem {
    /// Neither standard nor URL-safe base64 (RFC 4648).
    #[error("must be base64")]
    Encoding,
    /// Fewer than 32 bytes.
    #[error("must be base64 of at least 32 bytes")]
    Short,
    /// Few different bytes, a sequence, or text.
    #[error("is not random")]
    Weak,
}

/// Decode a secret key: base64 in the standard or the URL-safe alphabet, padded or not.
///
/// # Errors
///
/// [`SecretKeyProblem`], which never contains the key.
pub fn decode_secret_key(secret: &SecretString) -> Result<Zeroizing<Vec<u8>>, SecretKeyProblem> {
    let config = GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent);
    let text = secret.expose_secret().trim();
    let alphabet = if text.contains(['-', '_']) {
        alphabet::URL_SAFE
    } else {
        alphabet::STANDARD
    };
    let bytes = GeneralPurpose::new(&alphabet, config)
        .decode(text)
        .map(Zeroizing::new)
        .map_err(|_| SecretKeyProblem::Encoding)?;
    if bytes.len() < MIN_LENGTH {
        return Err(SecretKeyProblem::Short);
    }
    if is_weak(&bytes) || is_text(text, &bytes) {
        Err(SecretKeyProblem::Weak)
    } else {
        Ok(bytes)
    }
}

/// Whether the key is text: it consists of letters of one case, as words do, or decodes to text.
fn is_text(text: &str, bytes: &[u8]) -> bool {
    text.bytes().all(|b| b.is_ascii_lowercase())
        || text.bytes().all(|b| b.is_ascii_uppercase())
        || bytes.iter().all(|b| b.is_ascii_graphic() || b.is_ascii_whitespace())
}

fn is_weak(bytes: &[u8]) -> bool {
    let mut seen = [false; 256];
    for byte in bytes {
        if let Some(slot) = seen.get_mut(usize::from(*byte)) {
            *slot = true;
        }
    }
    let distinct = seen.iter().filter(|seen| **seen).count();
    let mut steps = bytes.windows(2).map(|pair| match pair {
        [a, b] => b.wrapping_sub(*a),
        _ => 0,
    });
    let first = steps.next();
    distinct < MIN_DISTINCT_BYTES || steps.all(|step| Some(step) == first)
}
