//! Examples of the events about an account and its identifiers.

use serde_json::{Map, Value, json};

use super::sessions::{EXPIRES_AT, IDLE_EXPIRES_AT, SESSION};
use super::{CLIENT_IP, Example, USER_AGENT, admin};
use crate::event::Actor;
use crate::payload::{
    AccountStatus, AuthMethod, ChangedField, Deleted, DeletedReason, EmailChanged, EmailVerificationRequested,
    EmailVerified, LoginMethod, Registered, Updated, UsernameChanged,
};

impl Example for Registered {
    const USER_SEQ: i64 = 1;

    fn example() -> Self {
        Self {
            email: Some("ada@example.com".to_owned()),
            username: Some("ada".to_owned()),
            name: Some("Ada Lovelace".to_owned()),
            account_type: "user".to_owned(),
            roles: vec!["user".to_owned()],
            status: AccountStatus::Active,
            email_verified: false,
            profile: Some(profile("Ada's home town")),
            session_id: Some(SESSION),
            ip: Some(CLIENT_IP),
            user_agent: Some(USER_AGENT.to_owned()),
            method: Some(LoginMethod::Password),
            amr: Some(vec![AuthMethod::Pwd]),
            expires_at: Some(EXPIRES_AT),
            idle_expires_at: Some(IDLE_EXPIRES_AT),
        }
    }
}

impl Example for Updated {
    const USER_SEQ: i64 = 4;

    fn example() -> Self {
        Self {
            changed_fields: vec![ChangedField::Name, ChangedField::Profile],
            name: Some("Ada King".to_owned()),
            account_type: None,
            profile: Some(profile("Ada's new town")),
        }
    }
}

impl Example for EmailVerificationRequested {
    const USER_SEQ: i64 = 11;

    fn example() -> Self {
        Self {}
    }
}

impl Example for EmailVerified {
    const USER_SEQ: i64 = 12;

    fn example() -> Self {
        Self { email_verified: true }
    }
}

impl Example for EmailChanged {
    const USER_SEQ: i64 = 11;

    fn example() -> Self {
        Self {
            previous_email: Some("ada@example.com".to_owned()),
            email: Some("lovelace@example.com".to_owned()),
            email_verified: false,
        }
    }

    fn actor() -> Option<Actor> {
        admin()
    }
}

impl Example for UsernameChanged {
    const USER_SEQ: i64 = 12;

    fn example() -> Self {
        Self {
            previous_username: Some("ada".to_owned()),
            username: Some("lovelace".to_owned()),
        }
    }
}

impl Example for Deleted {
    const USER_SEQ: i64 = 10;

    fn example() -> Self {
        Self {
            reason: DeletedReason::User,
            status: AccountStatus::Deleted,
            ended_session_ids: vec![SESSION],
        }
    }
}

fn profile(town: &str) -> Map<String, Value> {
    Map::from_iter([("town".to_owned(), json!(town))])
}
