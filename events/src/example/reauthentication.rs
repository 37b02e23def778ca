//! The example of a password that an operation required again.

use super::sessions::SESSION;
use super::{CLIENT_IP, Example, USER_AGENT, identifier_hash};
use crate::payload::{ReauthenticationFailed, ReauthenticationFailedReason, ReauthenticationOperation};

impl Example for ReauthenticationFailed {
    const USER_SEQ: i64 = 6;

    fn example() -> Self {
        Self {
            operation: ReauthenticationOperation::ChangePassword,
            reason: ReauthenticationFailedReason::WrongPassword,
            session_id: Some(SESSION),
            identifier_hash: identifier_hash(),
            ip: Some(CLIENT_IP),
            user_agent: Some(USER_AGENT.to_owned()),
        }
    }
}
