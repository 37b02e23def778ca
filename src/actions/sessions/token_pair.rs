//! The pair of tokens that ends a registration, a login and a refresh.

use secrecy::SecretString;
use time::OffsetDateTime;

use crate::actions::{Failure, Services};
use crate::domain::session::Session;
use crate::domain::user::User;
use crate::security::{AccessGrant, IssuedAccessToken};

/// Tokens and whose they are.
pub struct TokenPair {
    /// The access token.
    pub access: IssuedAccessToken,
    /// The refresh token of the session's current generation.
    pub refresh_token: SecretString,
    /// Seconds until the refresh token is of no use.
    pub refresh_expires_in: u64,
    /// The user.
    pub user: User,
}

impl Services {
    /// Tokens for a session as it is now. Made before the commit, so that a session without tokens is never committed.
    pub(in crate::actions) fn token_pair(
        &self,
        session: &Session,
        user: User,
        now: OffsetDateTime,
    ) -> Result<TokenPair, Failure> {
        let grant = AccessGrant {
            user_id: user.id,
            session_id: session.id,
            roles: &user.roles,
        };
        let access = self.access.issue(&grant, now, &*self.random)?;
        let refresh_token = self.refresh.mint(session.id, session.generation);
        let left = session.ends_at(&self.sessions) - now;
        Ok(TokenPair {
            access,
            refresh_token,
            refresh_expires_in: left.whole_seconds().max(0).unsigned_abs(),
            user,
        })
    }
}
