//! The interface between the relay and JetStream.

use std::sync::Arc;

use tokio::sync::watch;
use watchword_events::USER_EVENTS;

use super::{
    batch::{self, SentBatch},
    message::{OutgoingEvent, OutgoingMessage, Source},
    outcome::{Answer, Failure},
    singles::{self, SentSingles},
    target::PublishTarget,
};
use crate::domain::ids::StreamSeq;
use crate::jetstream::{
    connection::{ConnectionState, NatsStatus, StreamFacts, StreamState},
    error::{ProbeError, StreamFault},
    stream::{DurableLag, StoredMessage, StreamUsage, consumer_lag, covers, probe},
};
use crate::security::LedgerMarks;

/// From this many events on, an atomic batch is faster than single messages.
pub const MIN_ATOMIC_BATCH_SIZE: usize = 32;
/// The server takes 1000.
pub const MAX_ATOMIC_BATCH_SIZE: usize = 500;
/// More than the headers take that are added when a message is sent.
const MAX_ADDED_BYTES: usize = 256;

/// How events are sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SendMode {
    /// In a batch, where it is allowed and worth it.
    Batch,
    /// One by one.
    Singly,
}

/// Publishes to the stream of the settings. Cheap to clone.
#[derive(Clone, Debug)]
pub struct JetStreamPublisher {
    target: PublishTarget,
}

/// Messages that were sent and are not answered yet.
pub struct Sent {
    way: Way,
    messages: usize,
}

enum Way {
    Batch(Box<SentBatch>),
    Singles(SentSingles),
    Failed(Failure),
}

impl JetStreamPublisher {
    pub(crate) fn new(connection: Arc<ConnectionState>, source: Source, marks: LedgerMarks) -> Self {
        Self { target: PublishTarget::events(connection, source, marks) }
    }

    pub(crate) const fn target(&self) -> &PublishTarget {
        &self.target
    }

    /// The name of the stream.
    #[must_use]
    pub fn stream(&self) -> &str {
        &self.target.stream
    }

    /// Follow the connection and the stream.
    #[must_use]
    pub fn status(&self) -> watch::Receiver<NatsStatus> {
        self.target.connection.status.subscribe()
    }

    /// Let the supervisor create the stream if it is missing, with this first sequence, or no
    /// longer.
    pub fn allow_creation(&self, first_seq: Option<StreamSeq>) {
        self.target.connection.allow_creation(first_seq);
    }

    /// The message that carries an event. To make it takes longer than to send it.
    #[must_use]
    pub fn message(&self, event: &OutgoingEvent) -> OutgoingMessage {
        self.target.message(event)
    }

    /// Send messages in order, each to be stored behind the one before it and the first one behind
    /// the sequence `after`. Nothing that is in flight can be stored in another place.
    pub async fn send(&self, messages: Vec<OutgoingMessage>, after: StreamSeq, mode: SendMode) -> Sent {
        match self.target.connection.usable() {
            Some(facts) => send(&self.target, messages, after, mode, facts.atomic).await,
            None => Sent { way: Way::Failed(Failure::NotReady), messages: 0 },
        }
    }

    /// Wait for the answer, and update the status when it shows that the stream is missing or owned
    /// by another name.
    pub async fn answer(&self, sent: Sent) -> Answer {
        let answer = sent.answer().await;
        report_lost_stream(&self.target.connection, answer.failure.as_ref());
        answer
    }

    /// Whether the message is too large for the server or the stream, which would refuse it and the
    /// batch that it is in.
    #[must_use]
    pub fn is_too_large(&self, message: &OutgoingMessage, facts: &StreamFacts) -> bool {
        message.size().saturating_add(MAX_ADDED_BYTES) > self.target.connection.size_limit(facts)
    }

    /// Ask the server for the stream's first and last sequence.
    ///
    /// # Errors
    ///
    /// [`ProbeError`]: retry.
    pub async fn position(&self) -> Result<StreamFacts, ProbeError> {
        probe::position(&self.target.connection).await
    }

    /// Read the message at a sequence.
    ///
    /// # Errors
    ///
    /// As [`position`](Self::position).
    pub async fn message_at(&self, seq: StreamSeq) -> Result<Option<StoredMessage>, ProbeError> {
        probe::message_at(&self.target.connection, &self.target.stream, seq).await
    }

    /// Read how far the durable consumers of the stream are.
    ///
    /// # Errors
    ///
    /// As [`position`](Self::position).
    pub async fn consumers(&self) -> Result<(StreamUsage, Vec<DurableLag>), ProbeError> {
        consumer_lag::read(&self.target.connection).await
    }
}

impl Sent {
    pub(super) async fn answer(self) -> Answer {
        match self.way {
            Way::Batch(batch) => match batch.answer().await {
                Ok(()) => Answer { stored: self.messages, failure: None },
                Err(failure) => Answer { stored: 0, failure: Some(failure) },
            },
            Way::Singles(singles) => singles.answer().await,
            Way::Failed(failure) => Answer { stored: 0, failure: Some(failure) },
        }
    }
}

/// Send to a stream that takes batches or not.
pub(super) async fn send(
    target: &PublishTarget,
    messages: Vec<OutgoingMessage>,
    after: StreamSeq,
    mode: SendMode,
    atomic: bool,
) -> Sent {
    let count = messages.len();
    let way = if atomic && mode != SendMode::Singly && count >= MIN_ATOMIC_BATCH_SIZE {
        match batch::send(target, messages, after).await {
            Ok(sent) => Way::Batch(Box::new(sent)),
            Err(failure) => Way::Failed(failure),
        }
    } else {
        Way::Singles(singles::send(target, messages, after).await)
    };
    Sent { way, messages: count }
}

fn report_lost_stream(connection: &ConnectionState, failure: Option<&Failure>) {
    let stream = match failure {
        Some(Failure::NoStream) => StreamState::Missing,
        Some(Failure::ForeignStream(owner)) => StreamState::Fault(StreamFault::ForeignStream {
            stream: connection.desired.name.clone(),
            subject: connection.desired.subjects.join(", "),
            owner: owner.clone(),
        }),
        _ => return,
    };
    tracing::error!(?stream, "events cannot reach the stream");
    connection.status.send_modify(|status| status.stream = stream);
    connection.recheck.notify_one();
}

/// Whether the others may go on without an event on this subject: it has no number among what
/// happened to its user, so that readers miss nothing that they wait for.
#[must_use]
pub fn may_be_unrouted(subject: &str) -> bool {
    !covers(USER_EVENTS, subject)
}
