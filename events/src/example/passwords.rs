//! Examples of the events about passwords.

use super::sessions::SESSION;
use super::{CLIENT_IP, Example, USER_AGENT, identifier_hash};
use crate::payload::{PasswordChanged, PasswordResetCompleted, PasswordResetRequested};

impl Example for PasswordChanged {
    const USER_SEQ: i64 = 13;

    fn example() -> Self {
        Self { ended_session_ids: vec![SESSION] }
    }
}

impl Example for PasswordResetRequested {
    const USER_SEQ: i64 = 14;

    fn example() -> Self {
        Self {
            identifier_hash: identifier_hash(),
            ip: Some(CLIENT_IP),
            user_agent: Some(USER_AGENT.to_owned()),
        }
    }
}

impl Example for PasswordResetCompleted {
    const USER_SEQ: i64 = 15;

    fn example() -> Self {
        Self { ended_session_ids: vec![SESSION] }
    }
}
