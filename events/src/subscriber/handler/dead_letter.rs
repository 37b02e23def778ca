//! Messages nobody could deal with are kept on a subject of their own, with the reason and their origin.

use std::error::Error;
use std::str::FromStr;

use async_nats::header::{HeaderMap, HeaderName, HeaderValue, NATS_MESSAGE_ID};
use async_nats::jetstream::Context;

use super::delivery::Held;

/// A durable's dead letters are published on `auth.dlq.<durable>`; the stream `auth-events-dlq` keeps them.
pub const DLQ_SUBJECT_PREFIX: &str = "auth.dlq.";
/// Why the message was given up.
pub const DLQ_REASON: &str = "Watchword-Dlq-Reason";
/// The durable that gave it up.
pub const DLQ_CONSUMER: &str = "Watchword-Dlq-Consumer";
/// The stream it came from.
pub const DLQ_STREAM: &str = "Watchword-Dlq-Stream";
/// The subject it was published on.
pub const DLQ_SUBJECT: &str = "Watchword-Dlq-Subject";
/// Its sequence in that stream.
pub const DLQ_SEQUENCE: &str = "Watchword-Dlq-Sequence";
/// How often it was tried.
pub const DLQ_ATTEMPTS: &str = "Watchword-Dlq-Attempts";

/// Longer reasons are cut.
const LONGEST_REASON: usize = 512;

/// Publishes the message again as a dead letter and waits until a stream has it.
pub(super) async fn publish(
    context: &Context,
    durable: &str,
    stream: &str,
    held: &Held,
    reason: &str,
) -> Result<(), Box<dyn Error + Send + Sync>> {
    let Held { message, delivery, .. } = held;
    let mut headers = carried_over(message.headers.as_ref());
    let sequence = delivery.stream_sequence.to_string();
    // The id differs from the event's own: two durables may give up the same event, and both letters count.
    let id = format!(
        "{durable}:{stream}:{sequence}:{}",
        delivery.published.unix_timestamp_nanos()
    );
    let attempts = delivery.attempt.to_string();
    for (name, value) in [
        (NATS_MESSAGE_ID, id.as_str()),
        (HeaderName::from_static(DLQ_REASON), &one_line(reason)),
        (HeaderName::from_static(DLQ_CONSUMER), durable),
        (HeaderName::from_static(DLQ_STREAM), stream),
        (HeaderName::from_static(DLQ_SUBJECT), message.subject.as_str()),
        (HeaderName::from_static(DLQ_SEQUENCE), &sequence),
        (HeaderName::from_static(DLQ_ATTEMPTS), &attempts),
    ] {
        headers.insert(name, HeaderValue::from_str(value)?);
    }
    let subject = format!("{DLQ_SUBJECT_PREFIX}{durable}");
    context
        .publish_with_headers(subject, headers, message.payload.clone())
        .await?
        .await?;
    Ok(())
}

/// The event's own headers. Those of the server stay behind: a stored `Nats-Batch-Id` or
/// `Nats-Expected-Stream` would be taken as an instruction for the new publish.
fn carried_over(original: Option<&HeaderMap>) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for (name, values) in original.into_iter().flat_map(HeaderMap::iter) {
        let text: &str = name.as_ref();
        let reserved = text.get(..5).is_some_and(|start| start.eq_ignore_ascii_case("Nats-"));
        if let (false, Ok(name)) = (reserved, HeaderName::from_str(text)) {
            for value in values {
                headers.append(name.clone(), value.clone());
            }
        }
    }
    headers
}

/// A header value is one line of visible characters.
fn one_line(reason: &str) -> String {
    reason
        .chars()
        .take(LONGEST_REASON)
        .map(|character| if character.is_ascii_graphic() { character } else { ' ' })
        .collect()
}
