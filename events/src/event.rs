//! The envelope of an event.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use uuid::Uuid;

use crate::catalogue::AuthEvent;
use crate::open_enum::open_enum;

/// An event as the service records and publishes it.
///
/// [`Event::to_json`] writes it. Subscribers read a [`ReceivedEvent`](crate::ReceivedEvent)
/// instead, which keeps what their version of this crate does not know.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(not(feature = "producer"), non_exhaustive)]
pub struct Event {
    /// The event's UUIDv7, also `Nats-Msg-Id` and `ce-id`. Readers deduplicate by it.
    pub id: Uuid,
    /// When the event happened. Written with milliseconds.
    pub timestamp: OffsetDateTime,
    /// The account that the event is about. `login_failed` and `password_reset_requested` may have
    /// none, and `rate_limited` has none.
    pub user: Option<UserRef>,
    /// Who acted, if it was not the user; always present in `custom`.
    pub actor: Option<Actor>,
    /// The event with its payload.
    pub event: AuthEvent,
    /// Which service and request recorded the event.
    pub metadata: Metadata,
}

/// An account, and the event's number among the events about this account.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(not(feature = "producer"), non_exhaustive)]
pub struct UserRef {
    /// The account's id.
    pub id: Uuid,
    /// The event's number, counted from 1 without gaps in the order of commits. Only what happened
    /// to the account has one: `custom` has none, since its sender chooses what it says.
    pub seq: Option<i64>,
}

/// Who acted, if it was not the user that the event is about.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[non_exhaustive]
pub struct Actor {
    /// What kind of actor it is.
    #[serde(rename = "type")]
    pub kind: ActorType,
    /// The actor's id among its kind: a user's id, or a service's client id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
}

open_enum! {
    /// What kind of actor it is.
    pub enum ActorType {
        /// A user.
        User = "user",
        /// An administrator.
        Admin = "admin",
        /// Another service, or an operator at the command line.
        Service = "service",
        /// The auth service itself, such as a cleanup job.
        System = "system",
    }
}

impl Actor {
    /// A user.
    #[must_use]
    pub fn user(id: Uuid) -> Self {
        Self { kind: ActorType::User, id: Some(id.to_string()) }
    }

    /// An administrator, by the user id.
    #[must_use]
    pub fn admin(id: Uuid) -> Self {
        Self { kind: ActorType::Admin, id: Some(id.to_string()) }
    }

    /// Another service, by its client id.
    #[must_use]
    pub fn service(id: &str) -> Self {
        Self { kind: ActorType::Service, id: Some(id.to_owned()) }
    }

    /// The auth service itself.
    #[must_use]
    pub const fn system() -> Self {
        Self { kind: ActorType::System, id: None }
    }
}

/// Which service and request recorded an event.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(not(feature = "producer"), non_exhaustive)]
pub struct Metadata {
    /// The name of the publishing service (`events.service`).
    pub service: String,
    /// The version of the publishing service.
    pub version: String,
    /// The environment of the publishing service (`events.environment`).
    pub environment: String,
    /// The id of the HTTP request behind the event.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request_id: Option<String>,
    /// The W3C `traceparent` of the request behind the event.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub traceparent: Option<String>,
    /// The URL of the message's JSON Schema.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dataschema: Option<String>,
}
