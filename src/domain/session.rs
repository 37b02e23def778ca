//! The session's state machine: what a refresh token of some generation may still do.

use std::net::IpAddr;

use time::{Duration, OffsetDateTime};

use super::ids::{SessionId, UserId};
use super::user::text_enum;

text_enum! {
    /// Why a session was revoked.
    RevokeReason {
        /// The user logged out, or ended the session from the list.
        Logout = "logout",
        /// A spent refresh token came back.
        Reuse = "reuse",
        /// The account was deleted.
        Deleted = "deleted",
        /// The account was disabled.
        Disabled = "disabled",
        /// Too many sessions: the oldest made room.
        Limit = "limit",
        /// The password was changed.
        PasswordChange = "password_change",
        /// The password was reset.
        PasswordReset = "password_reset",
    }
}

/// How long sessions live.
#[derive(Debug, Clone, Copy)]
pub struct SessionPolicy {
    /// From login to the end, whatever happens.
    pub absolute_ttl: Duration,
    /// From the last refresh to the end.
    pub idle_ttl: Duration,
    /// How long the immediate parent of the current refresh token still gets the same successor.
    pub refresh_grace: Duration,
    /// Most live sessions a user may have.
    pub max_per_user: u32,
}

/// One login on one device.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Session {
    /// The id, `sid` in access tokens.
    pub id: SessionId,
    /// Whose it is.
    pub user_id: UserId,
    /// The generation of the one live refresh token; rises by one with every rotation.
    pub generation: i64,
    /// When it last rose.
    pub rotated_at: OffsetDateTime,
    /// When the user logged in.
    pub created_at: OffsetDateTime,
    /// When it was last refreshed.
    pub last_used_at: OffsetDateTime,
    /// When it ends whatever happens.
    pub expires_at: OffsetDateTime,
    /// When it was revoked.
    pub revoked_at: Option<OffsetDateTime>,
    /// Where the login came from.
    pub ip: Option<IpAddr>,
    /// The client's own description of itself.
    pub user_agent: Option<String>,
}

/// Whether a session is alive.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SessionState {
    /// It is.
    Active,
    /// Its absolute or idle lifetime is over.
    Expired,
    /// It was ended.
    Revoked,
}

/// What a presented refresh token leads to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refresh {
    /// It is the live one: rotate.
    Rotate,
    /// Its answer was probably lost: give the same successor again.
    Repeat,
    /// It was spent before: somebody else has it. Revoke the session.
    Reuse,
    /// The session is over, or the token is not of this session's history.
    Refuse,
}

impl Session {
    /// The state at `now`.
    #[must_use]
    pub fn state(&self, now: OffsetDateTime, policy: &SessionPolicy) -> SessionState {
        if self.revoked_at.is_some() {
            SessionState::Revoked
        } else if now >= self.ends_at(policy) {
            SessionState::Expired
        } else {
            SessionState::Active
        }
    }

    /// When the session ends if nothing happens until then: the earlier of the absolute and the idle end.
    #[must_use]
    pub fn ends_at(&self, policy: &SessionPolicy) -> OffsetDateTime {
        self.expires_at.min(self.last_used_at + policy.idle_ttl)
    }

    /// What a refresh token of generation `presented` leads to at `now` (RFC 9700 section 4.14.2).
    #[must_use]
    pub fn refresh(&self, presented: i64, now: OffsetDateTime, policy: &SessionPolicy) -> Refresh {
        if self.state(now, policy) != SessionState::Active || presented > self.generation {
            return Refresh::Refuse;
        }
        let is_parent = presented + 1 == self.generation;
        if presented == self.generation {
            Refresh::Rotate
        } else if is_parent && now - self.rotated_at <= policy.refresh_grace {
            Refresh::Repeat
        } else {
            Refresh::Reuse
        }
    }
}
