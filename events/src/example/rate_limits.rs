//! The example of the event about refused requests.

use super::{CLIENT_IP, Example, identifier_hash};
use crate::event::UserRef;
use crate::payload::RateLimited;

impl Example for RateLimited {
    const USER_SEQ: i64 = 0;

    fn example() -> Self {
        Self {
            limiter: "login_account_network".to_owned(),
            ip: Some(CLIENT_IP),
            identifier_hash: Some(identifier_hash()),
            retry_after: 6,
            count: 17,
        }
    }

    fn user() -> Option<UserRef> {
        None
    }
}
