//! Publishing: the seam between the relay and JetStream.
//!
//! Order is per user. Within one call nothing of a user is sent while an earlier event of that user is not known to
//! be stored: in an atomic batch because all or nothing is stored, one by one because only one event of a user is in
//! flight at a time (others' follow without waiting, up to a window). A first failure stops the call; what follows
//! is not sent.

use std::{sync::Arc, time::Duration};

use async_nats::{HeaderMap, HeaderValue};
use bytes::Bytes;
use time::OffsetDateTime;
use tokio::sync::watch;
use uuid::Uuid;
use watchword_events::headers;

use super::{
    batch,
    connection::Shared,
    consumers::{self, DurableLag, Filling},
    copies::Copies,
    error::ProbeError,
    outcome::{Outcome, Reason},
    probe, singles,
    status::{NatsStatus, StreamFacts},
};
use crate::config::Settings;

/// From this many events on, an atomic batch is faster than events one by one.
pub const ATOMIC_FROM: usize = 32;
/// The most events in one atomic batch (the server takes 1000).
pub const ATOMIC_MOST: usize = 500;

/// An event to publish.
#[derive(Clone, Debug)]
pub struct OutgoingEvent {
    /// Its id, sent as `Nats-Msg-Id`.
    pub id: Uuid,
    /// Its subject.
    pub subject: String,
    /// The major version of its schema.
    pub version: u32,
    /// Whom it is about: events of one user are published in order.
    pub user_id: Option<Uuid>,
    /// When it happened.
    pub occurred_at: OffsetDateTime,
    /// The W3C trace context of the request behind it.
    pub traceparent: Option<String>,
    /// The bytes to publish.
    pub payload: Bytes,
}

/// What is stored at a sequence of the stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stored {
    /// Nothing.
    Nothing,
    /// A message with this event id.
    Event(Uuid),
    /// A message that is none of our events: its `Nats-Msg-Id` is missing or no event id.
    Other,
}

/// The stream as the relay sees it.
pub trait EventPublisher: Send + Sync + 'static {
    /// Follows the connection and the stream.
    fn status(&self) -> watch::Receiver<NatsStatus>;

    /// Publishes events in order. Answers one outcome for each, at the same place.
    fn publish(&self, events: &[OutgoingEvent]) -> impl Future<Output = Vec<Outcome>> + Send;

    /// Asks the server where the stream is now.
    fn position(&self) -> impl Future<Output = Result<StreamFacts, ProbeError>> + Send;

    /// What is stored at a sequence.
    fn message_at(&self, seq: u64) -> impl Future<Output = Result<Stored, ProbeError>> + Send;

    /// How far the durables of the stream are.
    fn consumers(&self) -> impl Future<Output = Result<(Filling, Vec<DurableLag>), ProbeError>> + Send;
}

/// What every message's headers say about its source.
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
    /// As the settings say.
    pub(crate) fn of(settings: &Settings) -> Self {
        Self {
            service: settings.events.service.clone(),
            environment: settings.events.environment.clone(),
            schema_base: settings.schema_base_url(),
        }
    }
}

/// Publishes to the JetStream stream of the settings. Cheap to clone.
#[derive(Clone, Debug)]
pub struct JetStreamPublisher {
    pub(crate) shared: Arc<Shared>,
    source: Arc<Source>,
    /// Copies of events go elsewhere.
    copies: Option<Arc<(String, Copies)>>,
}

impl JetStreamPublisher {
    pub(crate) fn new(shared: Arc<Shared>, source: Source) -> Self {
        Self {
            shared,
            source: Arc::new(source),
            copies: None,
        }
    }

    /// Publishes copies of events into a stream instead.
    pub(crate) fn of_copies(&self, stream: String, copies: Copies) -> Self {
        Self {
            copies: Some(Arc::new((stream, copies))),
            ..self.clone()
        }
    }

    /// The stream that has to acknowledge.
    pub(crate) fn stream(&self) -> &str {
        match &self.copies {
            Some(copies) => &copies.0,
            None => &self.shared.desired.name,
        }
    }

    /// The subject that an event goes out on.
    pub(crate) fn subject(&self, event: &OutgoingEvent) -> String {
        match &self.copies {
            Some(copies) => copies.1.subject(&event.subject),
            None => event.subject.clone(),
        }
    }

    /// The message's headers: the event's, nothing else. A copy differs in its `Nats-Msg-Id`.
    pub(crate) fn headers(&self, event: &OutgoingEvent) -> HeaderMap {
        let attributes = headers::Attributes {
            id: event.id,
            subject: &event.subject,
            version: event.version,
            user_id: event.user_id,
            occurred_at: event.occurred_at,
            service: &self.source.service,
            environment: &self.source.environment,
            schema_base: &self.source.schema_base,
            traceparent: event.traceparent.as_deref(),
        };
        let mut map = HeaderMap::new();
        for (name, value) in headers::for_message(&attributes) {
            // Header values are percent-encoded ASCII; one that is not is left out rather than break the frame.
            if let Ok(value) = value.parse::<HeaderValue>() {
                map.insert(name, value);
            }
        }
        if let Some(copies) = &self.copies {
            map.insert(headers::MESSAGE_ID, copies.1.id(event.id));
        }
        map
    }

    /// Publishes what can be sent at once: one atomic batch, or a window of single messages.
    async fn publish_part(&self, events: &[&OutgoingEvent], facts: &StreamFacts) -> Vec<Outcome> {
        if facts.atomic && events.len() >= ATOMIC_FROM {
            match batch::publish(self, events).await {
                batch::Answer::Outcomes(outcomes) => return outcomes,
                batch::Answer::Singles(reason) => {
                    tracing::debug!(%reason, events = events.len(), "batch refused; sending its events one by one");
                }
            }
        }
        singles::publish(self, events).await
    }
}

impl EventPublisher for JetStreamPublisher {
    fn status(&self) -> watch::Receiver<NatsStatus> {
        self.shared.status.subscribe()
    }

    async fn publish(&self, events: &[OutgoingEvent]) -> Vec<Outcome> {
        let Some(facts) = self.shared.usable() else {
            return events.iter().map(|_| Outcome::Retry(Reason::NotReady)).collect();
        };
        let outcomes = self.publish_into(events, &facts).await;
        self.shared.learn_from(&outcomes);
        outcomes
    }

    async fn position(&self) -> Result<StreamFacts, ProbeError> {
        probe::position(&self.shared).await
    }

    async fn message_at(&self, seq: u64) -> Result<Stored, ProbeError> {
        probe::message_at(&self.shared, seq).await
    }

    async fn consumers(&self) -> Result<(Filling, Vec<DurableLag>), ProbeError> {
        consumers::lag(&self.shared).await
    }
}

impl JetStreamPublisher {
    /// Publishes into a stream of which these facts are known.
    pub(crate) async fn publish_into(&self, events: &[OutgoingEvent], facts: &StreamFacts) -> Vec<Outcome> {
        let mut outcomes: Vec<Outcome> = events.iter().map(|_| Outcome::Retry(Reason::NotReady)).collect();
        let limit = self.shared.size_limit(facts);
        let mut sendable = Vec::with_capacity(events.len());
        for (index, (event, outcome)) in events.iter().zip(&mut outcomes).enumerate() {
            match too_large(event, limit) {
                Some(reason) => *outcome = Outcome::Parked(reason),
                None => {
                    *outcome = Outcome::Retry(Reason::NotSent);
                    sendable.push((index, event));
                }
            }
        }
        for part in sendable.chunks(part_size(sendable.len())) {
            let batch: Vec<&OutgoingEvent> = part.iter().map(|(_, event)| *event).collect();
            let answers = self.publish_part(&batch, facts).await;
            let failed = answers
                .iter()
                .any(|answer| matches!(answer, Outcome::Unknown(_) | Outcome::Retry(_)));
            for ((index, _), answer) in part.iter().zip(answers) {
                if let Some(outcome) = outcomes.get_mut(*index) {
                    *outcome = answer;
                }
            }
            if failed {
                break;
            }
        }
        outcomes
    }
}

/// Parts of equal size: 501 events are two batches of about 250, not one of 500 and a single.
fn part_size(events: usize) -> usize {
    events.div_ceil(events.div_ceil(ATOMIC_MOST).max(1)).max(1)
}

/// Fewer bytes than the headers ever have, so that no event that fits is set aside by mistake: the server has the
/// last word on the rest.
const LEAST_HEADERS: usize = 64;

fn too_large(event: &OutgoingEvent, limit: usize) -> Option<Reason> {
    let size = event.payload.len().saturating_add(LEAST_HEADERS);
    (size > limit).then_some(Reason::TooLarge { size, limit })
}

/// What an acknowledgement says, when it is our stream's.
pub(crate) fn acknowledged(stream: &str, ours: &str, seq: u64, duplicate: bool) -> Outcome {
    if stream == ours {
        Outcome::Acked {
            stream_seq: seq,
            duplicate,
        }
    } else {
        Outcome::Retry(Reason::ForeignStream(stream.to_owned()))
    }
}

/// How long a whole part may take on top of the answers it waits for: sending waits for room in the client.
pub(crate) const SEND_TIMEOUT: Duration = Duration::from_secs(5);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_are_even_and_never_larger_than_a_batch() {
        for (events, size) in [
            (1, 1),
            (32, 32),
            (500, 500),
            (501, 251),
            (512, 256),
            (1000, 500),
            (1001, 334),
        ] {
            assert_eq!(part_size(events), size, "{events}");
        }
        assert_eq!(part_size(0), 1);
    }

    #[test]
    fn an_acknowledgement_counts_only_from_our_stream() {
        assert_eq!(
            acknowledged("a", "a", 7, true),
            Outcome::Acked {
                stream_seq: 7,
                duplicate: true
            }
        );
        assert_eq!(
            acknowledged("b", "a", 7, false),
            Outcome::Retry(Reason::ForeignStream("b".to_owned()))
        );
    }
}
