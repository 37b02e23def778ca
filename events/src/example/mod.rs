//! Realistic events for documentation and tests, the same on every call.
//!
//! ```
//! use watchword_events::{EventKind, example};
//!
//! let event = example::of(EventKind::LoggedIn);
//! assert_eq!(event.event.kind(), EventKind::LoggedIn);
//! ```

mod accounts;
mod custom;
mod mfa;
mod passwords;
mod rate_limits;
mod reauthentication;
mod replays;
mod sessions;
mod users;

use std::net::{IpAddr, Ipv4Addr};

use time::macros::datetime;
use uuid::{Uuid, uuid};

use crate::catalogue::{AuthEvent, EventKind, for_each_event};
use crate::event::{Actor, Event, Metadata, UserRef};
use crate::payload::{self, IdentifierHash};
use crate::schema;

const EVENT: Uuid = uuid!("01a20320-a200-7a3f-8d5e-4b1c6f2e9a01");
const USER: Uuid = uuid!("01a2031e-cd40-7b21-9f0d-3a7e5c8d1b02");
const ADMIN: Uuid = uuid!("01a2031d-0c80-7e11-8b2c-5d6f7a8b9c05");
const REQUEST: &str = "01a20320-a1ec-7d10-b6c8-1e2f3a4b5c04";
const TRACE: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
const USER_AGENT: &str = "curl/8.5.0";
const CLIENT_IP: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 7));

trait Example {
    fn example() -> Self;

    /// The event's number among the events about its account; unused where it has none.
    const USER_SEQ: i64;

    /// The account that the event is about.
    fn user() -> Option<UserRef> {
        Some(UserRef { id: USER, seq: Some(Self::USER_SEQ) })
    }

    /// Who acted, where it was not the user.
    fn actor() -> Option<Actor> {
        None
    }
}

/// Returns a realistic event of this kind.
#[must_use]
pub fn of(kind: EventKind) -> Event {
    macro_rules! example_of {
        ($($kind:ident)+) => {
            match kind {
                $(EventKind::$kind => envelope(payload::$kind::example()),)+
            }
        };
    }
    for_each_event!(example_of)
}

fn envelope<P: Example + Into<AuthEvent>>(payload: P) -> Event {
    let event: AuthEvent = payload.into();
    let metadata = Metadata {
        service: "watchword".to_owned(),
        version: "1.0.0".to_owned(),
        environment: "production".to_owned(),
        request_id: Some(REQUEST.to_owned()),
        traceparent: Some(TRACE.to_owned()),
        dataschema: Some(schema::url(schema::BASE_URL, event.kind().subject(), event.version())),
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

fn admin() -> Option<Actor> {
    Some(Actor::admin(ADMIN))
}

fn identifier_hash() -> IdentifierHash {
    let mac = std::array::from_fn(|position| u8::try_from(position * 7 + 16).unwrap_or_default());
    IdentifierHash::from_mac(mac)
}
