//! Events that were given up are published on a subject of their own, with the reason and their
//! origin.

use std::error::Error;
use std::str::FromStr;

use async_nats::header::{HeaderMap, HeaderName, HeaderValue, NATS_MESSAGE_ID};
use async_nats::jetstream::Context as JetStream;

use crate::subscriber::delivery::InFlight;

/// The prefix of the subjects of dead letters: `auth.dlq.<durable>`. The stream `auth-events-dlq`
/// stores them.
pub const DLQ_SUBJECT_PREFIX: &str = "auth.dlq.";
/// The header with the reason why the event was given up.
pub const DLQ_REASON: &str = "Watchword-Dlq-Reason";
/// The header with the name of the durable that gave the event up.
pub const DLQ_CONSUMER: &str = "Watchword-Dlq-Consumer";
/// The header with the name of the event's stream.
pub const DLQ_STREAM: &str = "Watchword-Dlq-Stream";
/// The header with the event's subject.
pub const DLQ_SUBJECT: &str = "Watchword-Dlq-Subject";
/// The header with the event's sequence in its stream.
pub const DLQ_SEQUENCE: &str = "Watchword-Dlq-Sequence";
/// The header with the number of attempts.
pub const DLQ_ATTEMPTS: &str = "Watchword-Dlq-Attempts";

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
