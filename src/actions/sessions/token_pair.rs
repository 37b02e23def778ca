//! The tokens that a registration, a login and a refresh return.

use secrecy::SecretString;
use time::OffsetDateTime;

use crate::actions::{Context, Failure};
use crate::domain::session::Session;
use crate::domain::user::User;
use crate::security::{AccessGrant, IssuedAccessToken};

/// Tokens and their user.
pub struct TokenPair {
    pub access: IssuedAccessToken,
    pub refresh_token: SecretString,
    /// Seconds until the refresh token expires.
    pub refresh_expires_in: u64,
    pub user: User,
}

/// Tokens of a session that is not committed yet.
pub(in crate::actions) struct IssuedTokens {
    access: IssuedAccessToken,
    refresh_token: SecretString,
    refresh_expires_in: u64,
}

impl IssuedTokens {
    pub(in crate::actions) fn of(self, user: User) -> TokenPair {
        TokenPair {
            access: self.access,
            refresh_token: self.refresh_token,
            refresh_expires_in: self.refresh_expires_in,
            user,
        }
    }
}

impl Context {
    /// Issue tokens for a session. Do so before the commit, so that no session without tokens is
    /// committed.
    pub(in crate::actions) fn issue_tokens(
        &self,
        session: &Session,
        user: &User,
        now: OffsetDateTime,
    ) -> Result<IssuedTokens, Failure> {
        let services = &self.services;
        let grant = AccessGrant {
            user_id: user.id,
            session_id: session.id,
            roles: &user.roles,
            email_verified: user.email_verified,
            authenticated_at: session.created_at,
            amr: &session.amr,
        };
        let remaining = session.ends_at(&services.sessions) - now;
        Ok(IssuedTokens {
            access: services.access.issue(&grant, now, &*services.random)?,
            refresh_token: services.refresh.mint(session.id, session.generation),
            refresh_expires_in: remaining.whole_seconds().max(0).unsigned_abs(),
        })
    }
}
