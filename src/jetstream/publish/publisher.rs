//! The interface between the relay and JetStream.
//!
//! Order is per user. Within one call no event of a user is sent before the event that precedes it
//! is known to be stored: in an atomic batch because all of it is stored or none, pipelined because
//! one event of a user at a time is in flight (events of other users follow without waiting, up to
//! a window). The first failure ends the call; what follows is not sent.

use std::sync::Arc;

use tokio::sync::watch;
use watchword_events::USER_EVENTS;

use super::{
    batch,
    message::{OutgoingEvent, Source},
    outcome::{PublishOutcome, Reason},
    pipelined,
    target::PublishTarget,
};
use crate::domain::ids::StreamSeq;
use crate::jetstream::{
    connection::{ConnectionState, NatsStatus, StreamFacts, StreamState},
    error::{ProbeError, StreamFault},
    stream::{DurableLag, Stored, StreamUsage, consumer_lag, covers, probe},
};

/// From this many events on, an atomic batch is faster than a pipeline.
pub const MIN_ATOMIC_BATCH_SIZE: usize = 32;
/// The server takes 1000.
pub const MAX_ATOMIC_BATCH_SIZE: usize = 500;
/// Fewer bytes than the headers ever have, so that no event that fits is parked by mistake: the
/// server decides about the rest.
const MIN_HEADER_BYTES: usize = 64;

/// The stream as the relay sees it.
pub trait EventPublisher: Send + Sync + 'static {
    /// Follow the connection and the stream.
    fn status(&self) -> watch::Receiver<NatsStatus>;

    /// Publish events in order. The result has one outcome for each, at the same index.
    fn publish(&self, events: &[OutgoingEvent]) -> impl Future<Output = Vec<PublishOutcome>> + Send;

    /// Ask the server for the stream's first and last sequence.
    fn position(&self) -> impl Future<Output = Result<StreamFacts, ProbeError>> + Send;

    /// Read what is stored at a sequence.
    fn message_at(&self, seq: StreamSeq) -> impl Future<Output = Result<Stored, ProbeError>> + Send;

    /// Read how far the durable consumers of the stream are.
    fn consumers(&self) -> impl Future<Output = Result<(StreamUsage, Vec<DurableLag>), ProbeError>> + Send;
}

/// Publishes to the stream of the settings. Cheap to clone.
#[derive(Clone, Debug)]
pub struct JetStreamPublisher {
    target: PublishTarget,
}

impl JetStreamPublisher {
    pub(crate) fn new(connection: Arc<ConnectionState>, source: Source) -> Self {
        Self { target: PublishTarget::events(connection, source) }
    }

    pub(crate) const fn target(&self) -> &PublishTarget {
        &self.target
    }
}

impl EventPublisher for JetStreamPublisher {
    fn status(&self) -> watch::Receiver<NatsStatus> {
        self.target.connection.status.subscribe()
    }

    async fn publish(&self, events: &[OutgoingEvent]) -> Vec<PublishOutcome> {
        let connection = &self.target.connection;
        let Some(facts) = connection.usable() else {
            return vec![PublishOutcome::Retry(Reason::NotReady); events.len()];
        };
        let outcomes = publish_into(&self.target, events, &facts).await;
        report_lost_stream(connection, &outcomes);
        outcomes
    }

    async fn position(&self) -> Result<StreamFacts, ProbeError> {
        probe::position(&self.target.connection).await
    }

    async fn message_at(&self, seq: StreamSeq) -> Result<Stored, ProbeError> {
        probe::message_at(&self.target.connection, seq).await
    }

    async fn consumers(&self) -> Result<(StreamUsage, Vec<DurableLag>), ProbeError> {
        consumer_lag::read(&self.target.connection).await
    }
}

/// Update the status when outcomes show that the stream is missing or owned by another name.
fn report_lost_stream(connection: &ConnectionState, outcomes: &[PublishOutcome]) {
    let lost = outcomes.iter().find_map(|outcome| match outcome {
        PublishOutcome::Retry(Reason::NoStream) => Some(StreamState::Missing),
        PublishOutcome::Retry(Reason::ForeignStream(owner)) => {
            let desired = &connection.desired;
            Some(StreamState::Fault(StreamFault::ForeignStream {
                stream: desired.name.clone(),
                subject: desired.subjects.join(", "),
                owner: owner.clone(),
            }))
        }
        _ => None,
    });
    if let Some(stream) = lost {
        tracing::error!(?stream, "events cannot reach the stream");
        connection.status.send_modify(|status| status.stream = stream);
        connection.recheck.notify_one();
    }
}

/// Publish to a stream of which these facts are known.
pub(super) async fn publish_into(
    target: &PublishTarget,
    events: &[OutgoingEvent],
    facts: &StreamFacts,
) -> Vec<PublishOutcome> {
    let mut outcomes = vec![PublishOutcome::Retry(Reason::NotSent); events.len()];
    let limit = target.connection.size_limit(facts);
    let mut sendable = Vec::with_capacity(events.len());
    for (index, (event, outcome)) in events.iter().zip(&mut outcomes).enumerate() {
        let subject = target.subject(event);
        if !facts.takes(&subject) && may_be_unrouted(event) {
            *outcome = PublishOutcome::Unrouted(Reason::NotTaken(subject));
        } else if let Some(reason) = too_large(event, limit) {
            *outcome = PublishOutcome::Parked(reason);
        } else {
            sendable.push((index, event));
        }
    }
    for part in sendable.chunks(part_size(sendable.len())) {
        let batch: Vec<&OutgoingEvent> = part.iter().map(|(_, event)| *event).collect();
        let published = publish_part(target, &batch, facts).await;
        let failed = published.iter().any(PublishOutcome::is_failure);
        for ((index, _), result) in part.iter().zip(published) {
            if let Some(outcome) = outcomes.get_mut(*index) {
                *outcome = result;
            }
        }
        if failed {
            break;
        }
    }
    outcomes
}

/// Publish one atomic batch, or a pipeline where a batch is not possible or not worth it.
async fn publish_part(target: &PublishTarget, events: &[&OutgoingEvent], facts: &StreamFacts) -> Vec<PublishOutcome> {
    if facts.atomic && events.len() >= MIN_ATOMIC_BATCH_SIZE {
        match batch::publish(target, events).await {
            batch::BatchResult::Outcomes(outcomes) => return outcomes,
            batch::BatchResult::SendSingly(reason) => {
                tracing::debug!(%reason, events = events.len(), "batch refused; sending its events singly");
            }
        }
    }
    pipelined::publish(target, events).await
}

/// Whether the others may go on without the event: it has no number among what happened to its
/// user, so that readers miss nothing that they wait for.
pub(super) fn may_be_unrouted(event: &OutgoingEvent) -> bool {
    !covers(USER_EVENTS, &event.subject)
}

/// Parts of equal size: 501 events are two batches of about 250, not one of 500 and one of 1.
fn part_size(events: usize) -> usize {
    events.div_ceil(events.div_ceil(MAX_ATOMIC_BATCH_SIZE).max(1)).max(1)
}

fn too_large(event: &OutgoingEvent, limit: usize) -> Option<Reason> {
    let size = event.payload.len().saturating_add(MIN_HEADER_BYTES);
    (size > limit).then_some(Reason::TooLarge { size, limit })
}

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
}
