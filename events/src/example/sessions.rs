//! Examples of the events about logins, sessions and refresh tokens.

use time::OffsetDateTime;
use time::macros::datetime;
use uuid::{Uuid, uuid};

use super::{CLIENT_IP, Example, USER_AGENT, identifier_hash};
use crate::payload::{
    AuthMethod, LoggedIn, LoggedOut, LoginFailed, LoginFailedReason, LoginMethod, LogoutScope, ReuseAction,
    SessionRevoked, SessionRevokedReason, TokenRefreshed, TokenReuseDetected,
};

pub(super) const SESSION: Uuid = uuid!("01a20320-a1f6-7c55-a2b4-9d6e8f1a2c03");
pub(super) const EXPIRES_AT: OffsetDateTime = datetime!(2026-12-22 12:00:00 UTC);
pub(super) const IDLE_EXPIRES_AT: OffsetDateTime = datetime!(2026-11-29 12:00:00 UTC);

impl Example for LoggedIn {
    const USER_SEQ: i64 = 2;

    fn example() -> Self {
        Self {
            session_id: SESSION,
            email: Some("ada@example.com".to_owned()),
            ip: Some(CLIENT_IP),
            user_agent: Some(USER_AGENT.to_owned()),
            method: LoginMethod::Password,
            amr: vec![AuthMethod::Pwd],
            expires_at: EXPIRES_AT,
            idle_expires_at: IDLE_EXPIRES_AT,
        }
    }
}

impl Example for LoginFailed {
    const USER_SEQ: i64 = 5;

    fn example() -> Self {
        Self {
            identifier_hash: identifier_hash(),
            reason: LoginFailedReason::WrongPassword,
            ip: Some(CLIENT_IP),
            user_agent: Some(USER_AGENT.to_owned()),
        }
    }
}

impl Example for LoggedOut {
    const USER_SEQ: i64 = 9;

    fn example() -> Self {
        Self {
            session_id: SESSION,
            scope: LogoutScope::Local,
            ended_session_ids: vec![SESSION],
        }
    }
}

impl Example for TokenRefreshed {
    const USER_SEQ: i64 = 3;

    fn example() -> Self {
        Self {
            session_id: SESSION,
            generation: 2,
            idle_expires_at: IDLE_EXPIRES_AT,
        }
    }
}

impl Example for SessionRevoked {
    const USER_SEQ: i64 = 8;

    fn example() -> Self {
        Self {
            session_id: Some(SESSION),
            reason: SessionRevokedReason::Logout,
            ended_session_ids: vec![SESSION],
        }
    }
}

impl Example for TokenReuseDetected {
    const USER_SEQ: i64 = 7;

    fn example() -> Self {
        Self {
            session_id: SESSION,
            presented_generation: 1,
            current_generation: 3,
            action: ReuseAction::SessionRevoked,
            ended_session_ids: vec![SESSION],
        }
    }
}
