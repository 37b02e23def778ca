//! The headers of a published message: CloudEvents 1.0 in binary mode (as in the draft 1.0.3-wip of
//! the NATS binding; version 1.0.2 knows structured mode only), JetStream's `Nats-Msg-Id` and the
//! W3C `traceparent`.

use std::fmt::Write as _;

use time::OffsetDateTime;
use uuid::Uuid;

use crate::catalogue::split_subject;
use crate::event::Event;
use crate::schema;
use crate::timestamp::Timestamp;
use crate::trace::TraceParent;

/// The event's id. JetStream deduplicates by this header.
pub const MESSAGE_ID: &str = "Nats-Msg-Id";
/// Always `application/json`. A value that begins with `application/cloudevents` would mean
/// structured mode.
pub const CONTENT_TYPE: &str = "Content-Type";
/// The media type of the body as a CloudEvents attribute; always `application/json`.
pub const CE_DATACONTENTTYPE: &str = "ce-datacontenttype";
/// The CloudEvents version; always `1.0`.
pub const CE_SPECVERSION: &str = "ce-specversion";
/// The event's id.
pub const CE_ID: &str = "ce-id";
/// [`TYPE_PREFIX`], the event's name and its major version.
pub const CE_TYPE: &str = "ce-type";
/// The issuer's URL, or `events.source`.
pub const CE_SOURCE: &str = "ce-source";
/// The user's id. Absent when the event is about no known account.
pub const CE_SUBJECT: &str = "ce-subject";
/// When the event happened.
pub const CE_TIME: &str = "ce-time";
/// The URL of the event's JSON Schema.
pub const CE_DATASCHEMA: &str = "ce-dataschema";
/// The user's id, for bridges to systems with partitions, which keep the order of a partition.
pub const CE_PARTITIONKEY: &str = "ce-partitionkey";
/// `data.userSeq` with 19 digits, so that texts sort as numbers do.
pub const CE_SEQUENCE: &str = "ce-sequence";
/// The trace context as a CloudEvents attribute (distributed tracing extension).
pub const CE_TRACEPARENT: &str = "ce-traceparent";
/// The W3C trace context. The name is lower-case, and NATS headers are case-sensitive.
pub const TRACEPARENT: &str = "traceparent";
/// Reserved: the ledger sequence, for the service's own use and for operators. Its value
/// may change at any time, and subscribers ignore it.
pub const LEDGER: &str = "Watchword-Ledger";

/// What every `ce-type` begins with: the event's name follows, such as `auth.user.logged_in`. It is
/// the same on every installation; [`CE_SOURCE`] tells installations apart.
pub const TYPE_PREFIX: &str = "io.github.watchword-auth.";

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
    /// Messages about what happened to a known account.
    Numbered,
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
    always(CE_TYPE, "A fixed prefix, the event's name and the major version of its schema"),
    always(CE_SOURCE, "The installation: its issuer's URL, or `events.source`"),
    HeaderDescription {
        name: CE_SUBJECT,
        meaning: "The user's id; absent when the event is about no known account",
        presence: Presence::KnownUser,
    },
    always(CE_TIME, "When the event happened, as in `data.timestamp`"),
    always(CE_DATACONTENTTYPE, "`application/json`"),
    always(CE_DATASCHEMA, "The URL of the event's JSON Schema"),
    HeaderDescription {
        name: CE_PARTITIONKEY,
        meaning: "The user's id, as in `ce-subject`: events with one key keep their order",
        presence: Presence::KnownUser,
    },
    HeaderDescription {
        name: CE_SEQUENCE,
        meaning: "`data.userSeq` with 19 digits; absent when the event has none",
        presence: Presence::Numbered,
    },
    HeaderDescription {
        name: CE_TRACEPARENT,
        meaning: "The W3C trace context of the request",
        presence: Presence::Traced,
    },
    HeaderDescription {
        name: TRACEPARENT,
        meaning: "The same; the name is lower-case, since NATS headers are case-sensitive",
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
    /// The event's number among the events about the account.
    pub user_seq: Option<i64>,
    /// When the event happened.
    pub occurred_at: OffsetDateTime,
    /// The installation: an absolute URI.
    pub source: &'a str,
    /// The base URL of the schemas, for [`schema::url`].
    pub schema_base: &'a str,
    /// The W3C trace context. An invalid one is left out.
    pub traceparent: Option<&'a str>,
}

/// Returns the headers of a message, in the order of [`DESCRIPTIONS`]. Names and values are ASCII.
#[must_use]
pub fn for_message(message: &Attributes<'_>) -> Vec<(&'static str, String)> {
    const JSON: &str = "application/json";
    let id = message.id.to_string();
    let user = message.user_id.map(|user| user.to_string());
    let kind = format!("{TYPE_PREFIX}{}.v{}", message.subject, message.version);
    let mut headers = vec![
        (MESSAGE_ID, id.clone()),
        (CONTENT_TYPE, JSON.to_owned()),
        (CE_SPECVERSION, "1.0".to_owned()),
        (CE_ID, id),
        (CE_TYPE, header_value(&kind)),
        (CE_SOURCE, header_value(message.source)),
    ];
    headers.extend(user.clone().map(|user| (CE_SUBJECT, user)));
    headers.push((CE_TIME, Timestamp(message.occurred_at).to_string()));
    headers.push((CE_DATACONTENTTYPE, JSON.to_owned()));
    let dataschema = schema::url(message.schema_base, split_subject(message.subject).0, message.version);
    headers.push((CE_DATASCHEMA, header_value(&dataschema)));
    headers.extend(user.map(|user| (CE_PARTITIONKEY, user)));
    headers.extend(message.user_seq.map(|seq| (CE_SEQUENCE, format!("{seq:019}"))));
    if let Some(trace) = message.traceparent.and_then(|text| text.parse::<TraceParent>().ok()) {
        headers.extend([CE_TRACEPARENT, TRACEPARENT].map(|name| (name, trace.to_string())));
    }
    headers
}

/// Returns the headers with which the installation `source` publishes `event`. `schema_base` is the
/// base URL of the schemas.
#[must_use]
pub fn for_event(event: &Event, source: &str, schema_base: &str) -> Vec<(&'static str, String)> {
    for_message(&Attributes {
        id: event.id,
        subject: &event.event.subject(),
        version: event.event.version(),
        user_id: event.user.map(|user| user.id),
        user_seq: event.user.and_then(|user| user.seq),
        occurred_at: event.timestamp,
        source,
        schema_base,
        traceparent: event.metadata.traceparent.as_deref(),
    })
}

/// Percent-encodes what CloudEvents requires to be encoded in a header: space, `"`, `%` and
/// everything outside printable ASCII (NATS protocol binding, section 3.1.3.2).
fn header_value(value: &str) -> String {
    value.bytes().fold(String::with_capacity(value.len()), |mut out, byte| {
        if matches!(byte, b'!'..=b'~') && !matches!(byte, b'"' | b'%') {
            out.push(char::from(byte));
        } else {
            // Writing to a String cannot fail.
            let _ = write!(out, "%{byte:02X}");
        }
        out
    })
}
