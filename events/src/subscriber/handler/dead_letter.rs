//! Events that were given up are published on a subject of their own, with the reason and their
//! origin.

use std::error::Error;
use std::str::FromStr;

use async_nats::header::{HeaderMap, HeaderName, HeaderValue, NATS_MESSAGE_ID};
use async_nats::jetstream::Context as JetStream;

use crate::dead_letters::{
    DLQ_ATTEMPTS, DLQ_CONSUMER, DLQ_REASON, DLQ_SEQUENCE, DLQ_STREAM, DLQ_SUBJECT, DLQ_SUBJECT_PREFIX,
};
use crate::subscriber::delivery::InFlight;

/// Longer reasons are cut.
const MAX_REASON_CHARS: usize = 512;

/// Returns the subject of a durable's dead letters.
pub(crate) fn subject(durable: &str) -> String {
    format!("{DLQ_SUBJECT_PREFIX}{durable}")
}

/// Publishes the message as a dead letter, and waits until a stream has stored it.
pub(crate) async fn publish(
    jetstream: &JetStream,
    durable: &str,
    stream: &str,
    in_flight: &InFlight,
    reason: &str,
) -> Result<(), Box<dyn Error + Send + Sync>> {
    let InFlight { message, delivery, .. } = in_flight;
    let mut headers = own_headers(message.headers.as_ref());
    let sequence = delivery.stream_sequence.to_string();
    // Not the event's own id: two durables may give up the same event, and each has its dead
    // letter.
    let id = format!("{durable}:{stream}:{sequence}:{}", delivery.published.unix_timestamp_nanos());
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
    jetstream
        .publish_with_headers(subject(durable), headers, message.payload.clone())
        .await?
        .await?;
    Ok(())
}

/// Returns the event's own headers, without those of the server: it would take a stored
/// `Nats-Batch-Id` or `Nats-Expected-Stream` as an instruction for the new publish.
fn own_headers(original: Option<&HeaderMap>) -> HeaderMap {
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

/// Returns the reason as a header value: one line of visible characters.
fn one_line(reason: &str) -> String {
    reason
        .chars()
        .take(MAX_REASON_CHARS)
        .map(|character| if character.is_ascii_graphic() { character } else { ' ' })
        .collect()
}
