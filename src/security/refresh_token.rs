//! Refresh tokens: `wrt_` + base64url(session id ‖ generation ‖ HMAC-SHA256).
//!
//! Nothing of a token is stored. The session row holds the generation of its one live token, and the code proves that
//! this service made the token; so the same generation always gives the same token, and a lost answer can be
//! repeated without keeping a copy of it.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use secrecy::SecretString;
use uuid::Uuid;
use zeroize::{Zeroize as _, Zeroizing};

use super::secret_key::{MacKey, SecretKey, SecretKeyError};
use super::token_error::TokenError;
use crate::domain::ids::SessionId;

/// What every refresh token starts with, so that secret scanners recognise a leaked one.
pub const REFRESH_TOKEN_PREFIX: &str = "wrt_";

/// Length of a refresh token in characters: the prefix and 56 bytes in base64url.
pub const REFRESH_TOKEN_LEN: usize = 4 + 75;

/// Session id (16), generation (8, big endian).
const CLAIM_BYTES: usize = 24;

/// Claim and code (32).
const TOKEN_BYTES: usize = CLAIM_BYTES + 32;

/// What an authentic refresh token says. Whether it is the live one is for the session row to tell.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RefreshClaim {
    /// The session it belongs to.
    pub session_id: SessionId,
    /// The generation it was made for, never negative.
    pub generation: i64,
}

/// Makes and recognises refresh tokens.
#[derive(Debug)]
pub struct RefreshTokens {
    key: MacKey,
}

impl RefreshTokens {
    /// Derives the key of refresh tokens from the secret key.
    ///
    /// # Errors
    /// The library refuses; not expected.
    pub fn new(secret: &SecretKey) -> Result<Self, SecretKeyError> {
        Ok(Self {
            key: secret.mac_key("refresh-token")?,
        })
    }

    /// The token of one generation of a session; the same arguments give the same token.
    #[must_use]
    pub fn mint(&self, session_id: SessionId, generation: i64) -> SecretString {
        let mut bytes = Zeroizing::new(Vec::with_capacity(TOKEN_BYTES));
        bytes.extend_from_slice(session_id.as_uuid().as_bytes());
        bytes.extend_from_slice(&generation.to_be_bytes());
        let mut code = self.key.sign(&bytes);
        bytes.extend_from_slice(&code);
        code.zeroize();
        let mut token = String::with_capacity(REFRESH_TOKEN_LEN);
        token.push_str(REFRESH_TOKEN_PREFIX);
        URL_SAFE_NO_PAD.encode_string(bytes.as_slice(), &mut token);
        SecretString::from(token)
    }

    /// Reads a token. Nothing in it is believed before its code has been checked, in constant time.
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
        let (claim, code) = bytes.split_first_chunk::<CLAIM_BYTES>().ok_or(TokenError::Malformed)?;
        if !self.key.verify(claim, code) {
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
