//! Issuer, audience and lifetime of access tokens.

use std::time::Duration;

/// It bounds how long a revocation could be missed.
pub const MAX_ACCESS_TTL: Duration = Duration::from_secs(15 * 60);

/// How long a token may be accepted after its end.
pub const MAX_LEEWAY: Duration = Duration::from_secs(5);

/// How far the clocks of two instances may be apart: a token of the one that is ahead is accepted
/// by the other, although it is from the future. It is valid no longer for that.
pub(super) const MAX_CLOCK_DIFFERENCE: Duration = Duration::from_secs(60);

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TokenPolicy {
    /// `iss`, compared exactly.
    pub issuer: String,
    /// `aud`: all in a token of this service; one of them makes a token acceptable here.
    pub audience: Vec<String>,
    /// `client_id` (RFC 9068 section 2.2): the first-party client.
    pub client_id: String,
    /// In whole seconds, at most [`MAX_ACCESS_TTL`].
    pub access_ttl: Duration,
    /// How long a token is accepted after its end, at most [`MAX_LEEWAY`].
    pub leeway: Duration,
}

/// A policy that is weaker than the service allows, or empty.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TokenPolicyError {
    #[error("issuer, audience and client id must not be empty")]
    Empty,
    #[error("access_ttl must be whole seconds between 1 and 900")]
    AccessTtl,
    #[error("leeway must be at most 5 seconds")]
    Leeway,
}

impl TokenPolicy {
    /// Check the bounds.
    ///
    /// # Errors
    /// [`TokenPolicyError`]
    pub fn check(&self) -> Result<(), TokenPolicyError> {
        let mut texts = self.audience.iter().chain([&self.issuer, &self.client_id]);
        if self.audience.is_empty() || texts.any(String::is_empty) {
            return Err(TokenPolicyError::Empty);
        }
        let whole_seconds = self.access_ttl.subsec_nanos() == 0;
        if !whole_seconds || self.access_ttl.is_zero() || self.access_ttl > MAX_ACCESS_TTL {
            return Err(TokenPolicyError::AccessTtl);
        }
        if self.leeway > MAX_LEEWAY {
            return Err(TokenPolicyError::Leeway);
        }
        Ok(())
    }
}
