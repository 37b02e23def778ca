//! Refresh tokens: `wrt_` + base64url(session id ‖ generation ‖ HMAC-SHA256).
//!
//! Nothing of a token is stored. The session row has the generation of its one live token, and the
//! MAC proves that this service created the token; so the same generation always gives the same
//! token, and a lost response can be repeated without a copy of it.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use secrecy::SecretString;
use uuid::Uuid;
use zeroize::{Zeroize as _, Zeroizing};

use super::secret_key::{MacKey, SecretKey, SecretKeyError};
use super::token_error::TokenError;
use crate::domain::ids::SessionId;
use crate::domain::text::prefixes::REFRESH_TOKEN_PREFIX;

/// In characters: the prefix and 56 bytes in base64url.
pub const REFRESH_TOKEN_LEN: usize = 4 + 75;

/// Session id (16), generation (8, big endian).
const CLAIM_BYTES: usize = 24;

/// Claim and MAC (32).
const TOKEN_BYTES: usize = CLAIM_BYTES + 32;

/// The content of an authentic refresh token. Whether it is the live one depends on the session
/// row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RefreshClaim {
    pub session_id: SessionId,
    /// Never negative.
    pub generation: i64,
}

/// Creates and verifies refresh tokens.
#[derive(Debug)]
pub struct RefreshTokens {
    key: MacKey,
}

impl RefreshTokens {
    /// Derive the key from the secret key.
    ///
    /// # Errors
    /// [`SecretKeyError::Crypto`]; not expected.
    pub fn new(secret: &SecretKey) -> Result<Self, SecretKeyError> {
        Ok(Self { key: secret.mac_key("refresh-token")? })
    }

    /// Create the token of one generation of a session; the same arguments give the same token.
    #[must_use]
    pub fn mint(&self, session_id: SessionId, generation: i64) -> SecretString {
        let mut bytes = Zeroizing::new(Vec::with_capacity(TOKEN_BYTES));
        bytes.extend_from_slice(session_id.as_uuid().as_bytes());
        bytes.extend_from_slice(&generation.to_be_bytes());
        let mut mac = self.key.sign(&bytes);
        bytes.extend_from_slice(&mac);
        mac.zeroize();
        let mut token = String::with_capacity(REFRESH_TOKEN_LEN);
        token.push_str(REFRESH_TOKEN_PREFIX);
        URL_SAFE_NO_PAD.encode_string(bytes.as_slice(), &mut token);
        SecretString::from(token)
    }

    /// Parse and verify a token. Nothing in it is used before its MAC was verified, in constant
    /// time.
    ///
    /// # Errors
    /// [`TokenError::TooLong`], [`TokenError::Malformed`] or [`TokenError::BadSignature`].
    pub fn parse(&self, token: &str) -> Result<RefreshClaim, TokenError> {
        if token.len() > REFRESH_TOKEN_LEN {
            return Err(TokenError::TooLong);
        }
        // This alphabet without padding and with its unused bits zero: one token has one spelling.
        let bytes = token
            .strip_prefix(REFRESH_TOKEN_PREFIX)
            .and_then(|text| URL_SAFE_NO_PAD.decode(text).ok())
            .map(Zeroizing::new)
            .filter(|bytes| bytes.len() == TOKEN_BYTES)
            .ok_or(TokenError::Malformed)?;
        let (claim, mac) = bytes.split_first_chunk::<CLAIM_BYTES>().ok_or(TokenError::Malformed)?;
        if !self.key.verify(claim, mac) {
            return Err(TokenError::BadSignature);
        }
        let (id, generation) = claim.split_first_chunk::<16>().ok_or(TokenError::Malformed)?;
        let generation = <[u8; 8]>::try_from(generation)
            .map(i64::from_be_bytes)
            .map_err(|_| TokenError::Malformed)?;
        if generation < 0 {
            return Err(TokenError::BadClaims);
        }
        Ok(RefreshClaim {
            session_id: SessionId::from(Uuid::from_bytes(*id)),
            generation,
        })
    }
}
