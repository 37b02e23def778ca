//! One realistic event of every type, the same on every call: what the documentation shows, what the golden
//! files hold, and what a subscriber's own tests may start from.

mod accounts;
mod factors;

use std::net::{IpAddr, Ipv4Addr};

use serde_json::{Map, json};
use time::macros::datetime;
use uuid::{Uuid, uuid};

use crate::catalogue::AuthEvent;
use crate::event::{Actor, Event, Metadata, UserRef};
use crate::payload::{
    AuthMethod, ChangedField, Custom, Deleted, DeletedReason, EmailVerificationRequested, EmailVerified,
    IdentifierHash, LoggedIn, LoggedOut, LoginFailed, LoginFailedReason, LoginMethod, LogoutScope, PasswordChanged,
    PasswordResetCompleted, PasswordResetRequested, RateLimited, Registered, ReuseAction, SessionRevoked,
    SessionRevokedReason, TokenRefreshed, TokenReuseDetected, Updated,
};
use crate::schema;

const EVENT: Uuid = uuid!("01a20320-a200-7a3f-8d5e-4b1c6f2e9a01");
const USER: Uuid = uuid!("01a2031e-cd40-7b21-9f0d-3a7e5c8d1b02");
const SESSION: Uuid = uuid!("01a20320-a1f6-7c55-a2b4-9d6e8f1a2c03");
const REQUEST: &str = "01a20320-a1ec-7d10-b6c8-1e2f3a4b5c04";
const TRACE: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
/// Where the examples say that their schemas are.
pub(crate) const SCHEMA_BASE: &str = "https://auth.example.com";
const CURL: &str = "curl/8.5.0";
const CLIENT: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 7));

pub(crate) trait Example {
    fn example() -> Self;

    /// The event's place among the account's own events.
    const USER_SEQ: i64;

    /// The account it is about.
    fn user() -> Option<UserRef> {
        Some(UserRef {
            id: USER,
            seq: Self::USER_SEQ,
        })
    }

    /// Who did it, where the event says so.
    fn actor() -> Option<Actor> {
        None
    }
}

/// Puts a payload into the envelope all examples share.
pub(crate) fn event<P: Example + Into<AuthEvent>>(payload: P) -> Event {
    let event: AuthEvent = payload.into();
    let metadata = Metadata {
        service: "auth-service".to_owned(),
        version: "1.0.0".to_owned(),
        environment: "production".to_owned(),
        request_id: Some(REQUEST.to_owned()),
        traceparent: Some(TRACE.to_owned()),
        dataschema: Some(schema::url(SCHEMA_BASE, event.subject(), event.version())),
    };
    Event {
        id: EVENT,
        timestamp: datetime!(2026-11-22 12:00:00 UTC),
        user: P::user(),
        actor: P::actor(),
        event,
        metadata,
    }
}

impl Example for Registered {
    const USER_SEQ: i64 = 1;

    fn example() -> Self {
        Self {
            email: Some("ada@example.com".to_owned()),
            username: Some("ada".to_owned()),
            name: Some("Ada Lovelace".to_owned()),
            account_type: "user".to_owned(),
            roles: vec!["user".to_owned()],
        }
    }
}

impl Example for LoggedIn {
    const USER_SEQ: i64 = 2;

    fn example() -> Self {
        Self {
            session_id: SESSION,
            email: Some("ada@example.com".to_owned()),
            ip: Some(CLIENT),
            user_agent: Some(CURL.to_owned()),
            method: LoginMethod::Password,
            amr: vec![AuthMethod::Pwd],
        }
    }
}

impl Example for LoggedOut {
    const USER_SEQ: i64 = 9;

    fn example() -> Self {
        Self {
            session_id: SESSION,
            scope: LogoutScope::Local,
        }
    }
}

impl Example for TokenRefreshed {
    const USER_SEQ: i64 = 3;

    fn example() -> Self {
        Self {
            session_id: SESSION,
            generation: 1,
        }
    }
}

impl Example for Updated {
    const USER_SEQ: i64 = 4;

    fn example() -> Self {
        Self {
            changed_fields: vec![ChangedField::Name, ChangedField::Profile],
        }
    }
}

impl Example for Deleted {
    const USER_SEQ: i64 = 10;

    fn example() -> Self {
        Self {
            reason: DeletedReason::User,
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
        Self {}
    }
}

impl Example for PasswordChanged {
    const USER_SEQ: i64 = 13;

    fn example() -> Self {
        Self {}
    }
}

impl Example for PasswordResetRequested {
    const USER_SEQ: i64 = 14;

    fn example() -> Self {
        Self {
            identifier_hash: LoginFailed::example().identifier_hash,
            ip: Some(CLIENT),
            user_agent: Some(CURL.to_owned()),
        }
    }
}

impl Example for PasswordResetCompleted {
    const USER_SEQ: i64 = 15;

    fn example() -> Self {
        Self {}
    }
}

impl Example for LoginFailed {
    const USER_SEQ: i64 = 5;

    fn example() -> Self {
        Self {
            identifier_hash: identifier_hash(),
            reason: LoginFailedReason::WrongPassword,
            ip: Some(CLIENT),
            user_agent: Some(CURL.to_owned()),
            attempts: None,
        }
    }
}

impl Example for RateLimited {
    const USER_SEQ: i64 = 0;

    fn example() -> Self {
        Self {
            limiter: "login_account_network".to_owned(),
            ip: Some(CLIENT),
            identifier_hash: Some(identifier_hash()),
            retry_after: 6,
            count: 17,
        }
    }

    fn user() -> Option<UserRef> {
        None
    }
}

fn identifier_hash() -> IdentifierHash {
    let mac = std::array::from_fn(|position| u8::try_from(position * 7 + 16).unwrap_or_default());
    IdentifierHash::from_mac(mac)
}

impl Example for SessionRevoked {
    const USER_SEQ: i64 = 8;

    fn example() -> Self {
        Self {
            session_id: SESSION,
            reason: SessionRevokedReason::Reuse,
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
        }
    }
}

impl Example for Custom {
    const USER_SEQ: i64 = 6;

    fn example() -> Self {
        let attributes = [("playlist", json!("road-trip")), ("tracks", json!(12))];
        let attributes = attributes.map(|(name, value)| (name.to_owned(), value));
        Self {
            name: "playlist_shared".to_owned(),
            attributes: Some(Map::from_iter(attributes)),
        }
    }

    fn actor() -> Option<Actor> {
        Some(Actor::User { id: USER })
    }
}
