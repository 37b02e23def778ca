//! Challenge tokens: `wlc_` + base64url(challenge id ‖ HMAC-SHA256). They represent a login whose
//! password was verified and which lacks the second factor. As with refresh tokens, nothing of a
//! token is stored.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use secrecy::SecretString;
use uuid::Uuid;

use super::secret_key::{MacKey, SecretKey, SecretKeyError};
use crate::domain::ids::ChallengeId;
use crate::domain::text::prefixes::CHALLENGE_PREFIX;

/// The prefix and 48 bytes in base64url.
const LENGTH: usize = 4 + 64;

/// Creates and verifies challenge tokens.
#[derive(Debug)]
pub struct LoginChallenges {
    tokens: MacKey,
    passwords: MacKey,
}

impl LoginChallenges {
    /// Derive the keys from the secret key.
    ///
    /// # Errors
    /// [`SecretKeyError::Crypto`]; not expected.
    pub fn new(secret: &SecretKey) -> Result<Self, SecretKeyError> {
        Ok(Self {
            tokens: secret.mac_key("login-challenge")?,
            passwords: secret.mac_key("login-challenge-password")?,
        })
    }

    #[must_use]
    pub fn token(&self, challenge: ChallengeId) -> SecretString {
        let id = challenge.as_uuid().into_bytes();
        let mut text = String::with_capacity(LENGTH);
        text.push_str(CHALLENGE_PREFIX);
        URL_SAFE_NO_PAD.encode_string([id.as_slice(), &self.tokens.sign(&id)].concat(), &mut text);
        text.into()
    }

    /// Verify a token and return its challenge; `None` when this service did not create it.
    #[must_use]
    pub fn parse(&self, token: &str) -> Option<ChallengeId> {
        let text = token.strip_prefix(CHALLENGE_PREFIX).filter(|_| token.len() == LENGTH)?;
        let bytes = URL_SAFE_NO_PAD.decode(text).ok()?;
        let (id, code) = bytes.split_first_chunk::<16>()?;
        self.tokens.verify(id, code).then(|| Uuid::from_bytes(*id).into())
    }

    /// A fingerprint of the stored hash, to detect later that the password has changed since.
    #[must_use]
    pub fn password_fingerprint(&self, hash: &str) -> [u8; 32] {
        self.passwords.sign(hash.as_bytes())
    }
}
