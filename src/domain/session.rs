//! The session's state machine: what a refresh token of a given generation leads to.

use std::net::IpAddr;

use time::{Duration, OffsetDateTime};

use super::ids::{SessionId, UserId};
use super::text_enum::text_enum;

text_enum! {
    /// Why a session was revoked.
    RevokeReason {
        /// The user logged out, or revoked the session from the list.
        Logout = "logout",
        /// An administrator revoked it.
        Admin = "admin",
        /// A refresh token was presented again after its rotation.
        Reuse = "reuse",
        Deleted = "deleted",
        Disabled = "disabled",
        /// The user had too many sessions, and this was the oldest.
        Limit = "limit",
        PasswordChange = "password_change",
        PasswordReset = "password_reset",
    }
}

text_enum! {
    /// What was verified at a login, by its name in RFC 8176.
    AuthenticationMethod {
        Password = "pwd",
        /// A one-time password, or a recovery code in its place.
        OneTimePassword = "otp",
        /// More than one factor.
        MultiFactor = "mfa",
    }
}

impl AuthenticationMethod {
    /// `acr` of a login (RFC 9470): `2` with more than one factor, else `1`.
    #[must_use]
    pub fn level(methods: &[Self]) -> &'static str {
        if methods.contains(&Self::MultiFactor) { "2" } else { "1" }
    }
}

/// How long sessions live.
#[derive(Debug, Clone, Copy)]
pub struct SessionPolicy {
    /// From login to the end, with or without refreshes.
    pub absolute_ttl: Duration,
    /// From the last refresh to the end.
    pub idle_ttl: Duration,
    /// How long the immediate parent of the current refresh token still yields the same successor.
    pub refresh_grace: Duration,
    /// How many live sessions a user may have.
    pub max_per_user: u32,
}

/// One login on one device.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Session {
    /// The id, `sid` in access tokens.
    pub id: SessionId,
    pub user_id: UserId,
    /// The generation of the one live refresh token; every rotation raises it by one.
    pub generation: i64,
    /// When the generation last rose, by the clock of the database if it has one.
    pub rotated_at: OffsetDateTime,
    /// When the user logged in.
    pub created_at: OffsetDateTime,
    /// The time of the login or of the last refresh.
    pub last_used_at: OffsetDateTime,
    /// The absolute end.
    pub expires_at: OffsetDateTime,
    pub revoked_at: Option<OffsetDateTime>,
    /// What was verified at the login.
    pub amr: Vec<AuthenticationMethod>,
    /// Of the login.
    pub ip: Option<IpAddr>,
    /// Of the login.
    pub user_agent: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SessionState {
    Active,
    /// Past its absolute or its idle end.
    Expired,
    Revoked,
}

/// What a presented refresh token leads to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refresh {
    /// It is the live token: rotate.
    Rotate,
    /// The response to its rotation was probably lost: return the same successor again.
    Repeat,
    /// It was rotated before, so it may be stolen: revoke the session.
    Reuse,
    /// The session has ended, or the token was never issued for it.
    Refuse,
}

impl Session {
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

    /// The earlier of the absolute and the idle end.
    #[must_use]
    pub fn ends_at(&self, policy: &SessionPolicy) -> OffsetDateTime {
        self.expires_at.min(self.last_used_at + policy.idle_ttl)
    }

    /// Whether a refresh token is of the parent of the current generation.
    #[must_use]
    pub const fn is_parent(&self, presented: i64) -> bool {
        presented.saturating_add(1) == self.generation
    }

    /// What a refresh token of generation `presented` leads to at `now`, when the generation rose
    /// `rotated_for` ago (RFC 9700 section 4.14.2).
    #[must_use]
    pub fn refresh(
        &self,
        presented: i64,
        now: OffsetDateTime,
        rotated_for: Duration,
        policy: &SessionPolicy,
    ) -> Refresh {
        if self.state(now, policy) != SessionState::Active || presented > self.generation {
            return Refresh::Refuse;
        }
        if presented == self.generation {
            Refresh::Rotate
        } else if self.is_parent(presented) && rotated_for <= policy.refresh_grace {
            Refresh::Repeat
        } else {
            Refresh::Reuse
        }
    }
}
