//! What is published: an event, and the service that it comes from.

use bytes::Bytes;
use time::OffsetDateTime;

use crate::config::Settings;
use crate::domain::ids::{EventId, UserId};

#[derive(Clone, Debug)]
pub struct OutgoingEvent {
    /// Sent as `Nats-Msg-Id`.
    pub id: EventId,
    pub subject: String,
    /// The major version of the event's schema.
    pub version: u32,
    /// The user it is about: events of one user are published in order.
    pub user_id: Option<UserId>,
    pub occurred_at: OffsetDateTime,
    /// The W3C trace context of the request that caused it.
    pub traceparent: Option<String>,
    pub payload: Bytes,
}

/// What the headers of every message say about its source.
#[derive(Clone, Debug)]
pub struct Source {
    /// `events.service`.
    pub service: String,
    /// `events.environment`.
    pub environment: String,
    /// The URL before `/schemas/…`.
    pub schema_base: String,
}

impl Source {
    pub(crate) fn of(settings: &Settings) -> Self {
        Self {
            service: settings.events.service.clone(),
            environment: settings.events.environment.clone(),
            schema_base: settings.schema_base_url(),
        }
    }
}
