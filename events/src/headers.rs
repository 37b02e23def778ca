//! The headers of a published message: CloudEvents 1.0 in binary mode (NATS binding), JetStream's
//! `Nats-Msg-Id` and the W3C `traceparent`.

use std::fmt::Write as _;

use time::OffsetDateTime;
use uuid::Uuid;

use crate::event::Event;
use crate::schema;
use crate::timestamp::Timestamp;
use crate::trace::TraceParent;

/// The event's id. JetStream deduplicates by this header.
pub const MESSAGE_ID: &str = "Nats-Msg-Id";
/// Always `application/json`. A value that begins with `application/cloudevents` would mean
/// structured mode.
pub const CONTENT_TYPE: &str = "Content-Type";
/// The CloudEvents version; always `1.0`.
pub const CE_SPECVERSION: &str = "ce-specversion";
/// The event's id.
pub const CE_ID: &str = "ce-id";
/// The subject and the major version, such as `auth.user.logged_in.v1`.
pub const CE_TYPE: &str = "ce-type";
/// `/<service>/<environment>`.
pub const CE_SOURCE: &str = "ce-source";
/// The user's id. Absent when the event is about no known account.
pub const CE_SUBJECT: &str = "ce-subject";
/// When the event happened.
pub const CE_TIME: &str = "ce-time";
/// The URL of the event's JSON Schema.
pub const CE_DATASCHEMA: &str = "ce-dataschema";
/// The W3C trace context. The name is lower-case, and NATS headers are case-sensitive.
pub const TRACEPARENT: &str = "traceparent";

/// The documentation of a header.
#[derive(Clone, Copy, Debug)]
pub struct HeaderDescription {
    /// The header's name.
    pub name: &'static str,
    /// The meaning of its value.
    pub meaning: &'static str,
    /// The messages that have the header.
    pub presence: Presence,
}

/// The messages that have a header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Presence {
    /// All messages.
    Always,
    /// Messages about a known account.
    KnownUser,
    /// Messages whose request had a trace context, or was given one.
    Traced,
}

/// All headers of a published message, in the order of [`for_message`].
pub const DESCRIPTIONS: &[HeaderDescription] = &[
    always(
        MESSAGE_ID,
        "The event's id. The stream drops a second message with the same id within its duplicate window.",
    ),
    always(CONTENT_TYPE, "`application/json`"),
    always(CE_SPECVERSION, "`1.0`: CloudEvents in binary mode"),
    always(CE_ID, "The event's id"),
    always(CE_TYPE, "The subject and the major version of the schema"),
    always(CE_SOURCE, "`/<service>/<environment>`"),
    HeaderDescription {
        name: CE_SUBJECT,
        meaning: "The user's id; absent when the event is about no known account",
        presence: Presence::KnownUser,
    },
    always(CE_TIME, "When the event happened, as in `data.timestamp`"),
    always(CE_DATASCHEMA, "The URL of the event's JSON Schema"),
    HeaderDescription {
        name: TRACEPARENT,
        meaning: "The W3C trace context of the request; the name is lower-case, since NATS headers are case-sensitive",
        presence: Presence::Traced,
    },
];

const fn always(name: &'static str, meaning: &'static str) -> HeaderDescription {
    HeaderDescription { name, meaning, presence: Presence::Always }
}

/// The inputs of the headers: columns of the ledger and settings of the service, so that a relay
/// need not parse the body that it publishes.
#[derive(Clone, Copy, Debug)]
pub struct Attributes<'a> {
    /// The event's id.
    pub id: Uuid,
    /// The subject on which the event is published.
    pub subject: &'a str,
    /// The major version of the event's schema.
    pub version: u32,
    /// The account that the event is about, if it is known.
    pub user_id: Option<Uuid>,
    /// When the event happened.
    pub occurred_at: OffsetDateTime,
    /// The publishing service's name (`events.service`).
    pub service: &'a str,
    /// The publishing service's environment (`events.environment`).
    pub environment: &'a str,
    /// The base URL of the schemas, for [`schema::url`].
    pub schema_base: &'a str,
    /// The W3C trace context. An invalid one is left out.
    pub traceparent: Option<&'a str>,
}

/// Returns the headers of a message, in the order of [`DESCRIPTIONS`]. Names and values are ASCII.
#[must_use]
pub fn for_message(message: &Attributes<'_>) -> Vec<(&'static str, String)> {
    let id = message.id.to_string();
    let source = format!("/{}/{}", uri_segment(message.service), uri_segment(message.environment));
    let mut headers = vec![
        (MESSAGE_ID, id.clone()),
        (CONTENT_TYPE, "application/json".to_owned()),
        (CE_SPECVERSION, "1.0".to_owned()),
        (CE_ID, id),
        (CE_TYPE, header_value(&format!("{}.v{}", message.subject, message.version))),
        (CE_SOURCE, header_value(&source)),
    ];
    headers.extend(message.user_id.map(|user| (CE_SUBJECT, user.to_string())));
    headers.push((CE_TIME, Timestamp(message.occurred_at).to_string()));
    let dataschema = schema::url(message.schema_base, message.subject, message.version);
    headers.push((CE_DATASCHEMA, header_value(&dataschema)));
    let trace = message.traceparent.and_then(|text| text.parse::<TraceParent>().ok());
    headers.extend(trace.map(|trace| (TRACEPARENT, trace.to_string())));
    headers
}

/// Returns the headers with which `event` is published. `schema_base` is the base URL of the
/// schemas.
#[must_use]
pub fn for_event(event: &Event, schema_base: &str) -> Vec<(&'static str, String)> {
    for_message(&Attributes {
        id: event.id,
        subject: event.event.subject(),
        version: event.event.version(),
        user_id: event.user.map(|user| user.id),
        occurred_at: event.timestamp,
        service: &event.metadata.service,
        environment: &event.metadata.environment,
        schema_base,
        traceparent: event.metadata.traceparent.as_deref(),
    })
}

/// Percent-encodes what CloudEvents requires to be encoded in a header: space, `"`, `%` and
/// everything outside printable ASCII (NATS protocol binding, section 3.1.3.2).
fn header_value(value: &str) -> String {
    percent_encode(value, |byte| matches!(byte, b'!'..=b'~') && !matches!(byte, b'"' | b'%'))
}

/// Percent-encodes a path segment of a URI reference, except unreserved characters (RFC 3986,
/// section 2.3).
fn uri_segment(segment: &str) -> String {
    percent_encode(segment, |byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~'))
}

fn percent_encode(text: &str, keep: impl Fn(u8) -> bool) -> String {
    text.bytes().fold(String::with_capacity(text.len()), |mut out, byte| {
        if keep(byte) {
            out.push(char::from(byte));
        } else {
            // Writing to a String cannot fail.
            let _ = write!(out, "%{byte:02X}");
        }
        out
    })
}
