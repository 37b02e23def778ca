//! Issuer, audience and lifetime of access tokens.

use std::time::Duration;

/// It bounds how long a revocation could be missed.
pub const MAX_ACCESS_TTL: Duration = Duration::from_secs(15 * 60);

/// The largest tolerated difference between clocks.
pub const MAX_LEEWAY: Duration = Duration::from_secs(5);

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
    /// The tolerated difference between clocks, at most [`MAX_LEEWAY`].
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
    pub(super) fn check(&self) -> Result<(), TokenPolicyError> {
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
