//! Publishing events once more, as a replay, and which of them its stream already has.

use std::{collections::HashSet, sync::Arc};

use async_nats::jetstream::stream::Config;
use uuid::Uuid;

use super::{
    message::OutgoingEvent,
    outcome::PublishOutcome,
    publisher::{self, JetStreamPublisher},
    replay_naming::ReplayNaming,
    target::PublishTarget,
};
use crate::domain::ids::StreamSeq;
use crate::domain::replay::ReplayTarget;
use crate::jetstream::{
    connection::StreamFacts,
    error::{NatsError, ProbeError},
    stream::{
        MessageId, Scan, ScanRequest, ScanStart, definition,
        provision::{self, StreamUnusable},
    },
};

/// How many messages are read at once.
const SCAN_CHUNK: usize = 1000;

/// Publishes the events of one replay.
#[derive(Clone, Debug)]
pub struct ReplayPublisher {
    target: PublishTarget,
    replay: String,
    to: ReplayTarget,
    /// The stream of replays as it should be.
    definition: Arc<Config>,
}

/// What the stream of a replay already has.
#[derive(Clone, Debug)]
pub struct ReplayedEvents {
    pub facts: StreamFacts,
    /// The replayed events in it, after the sequence that the search began at.
    pub events: HashSet<Uuid>,
}

impl ReplayPublisher {
    /// Use the publisher's connection.
    pub fn new(publisher: &JetStreamPublisher, replay: &str, to: ReplayTarget) -> Result<Self, NatsError> {
        let events = publisher.target();
        let desired = &events.connection.desired;
        let definition = definition::replays(desired)?;
        let stream = match to {
            ReplayTarget::Replays => &definition.name,
            ReplayTarget::Everyone => &desired.name,
        };
        let naming = ReplayNaming { replay: replay.to_owned(), target: to };
        Ok(Self {
            target: events.replay(stream, naming),
            replay: replay.to_owned(),
            to,
            definition: Arc::new(definition),
        })
    }

    /// The stream that takes the replay.
    #[must_use]
    pub fn stream(&self) -> &str {
        &self.target.stream
    }

    /// Create the stream of replays if it is missing, and find what it has after the sequence
    /// `after`.
    ///
    /// # Errors
    ///
    /// [`ProbeError`]: retry.
    pub async fn replayed_events(&self, after: StreamSeq) -> Result<ReplayedEvents, ProbeError> {
        let facts = self.facts().await?;
        // A shorter stream is another stream: then all of it has to be read.
        let after = Some(after).filter(|after| *after <= facts.last_seq).unwrap_or_default();
        let mut events = HashSet::new();
        if facts.last_seq > after {
            let request = ScanRequest {
                start: ScanStart::Sequence(after.saturating_add(1).max(facts.first_seq)),
                subjects: Vec::new(),
                headers_only: true,
            };
            let connection = self.target.connection.connected()?;
            let mut scan = Scan::open(&connection.context, self.stream(), request).await?;
            loop {
                let chunk = scan.chunk(SCAN_CHUNK, facts.last_seq).await?;
                if chunk.is_empty() {
                    break;
                }
                events.extend(chunk.iter().filter_map(|message| match &message.id {
                    MessageId::Replayed { event, replay } if *replay == self.replay => Some(*event),
                    _ => None,
                }));
            }
        }
        Ok(ReplayedEvents { facts, events })
    }

    /// Publish events in order. The result has one outcome for each, at the same index.
    pub async fn publish(&self, events: &[OutgoingEvent], facts: &StreamFacts) -> Vec<PublishOutcome> {
        publisher::publish_into(&self.target, events, facts).await
    }

    async fn facts(&self) -> Result<StreamFacts, ProbeError> {
        let connection = self.target.connection.connected()?;
        let refused = |reason: String| ProbeError::Refused { what: "the stream of the replay", reason };
        let version = provision::check_version(&connection.client.server_info().version)
            .map_err(|fault| refused(fault.to_string()))?;
        let found = match self.to {
            ReplayTarget::Replays => provision::ensure(&connection.context, &self.definition)
                .await
                .map(|provisioned| Some(provisioned.info)),
            // Only the service creates it: in a stream that was lost, the replay would precede the
            // events.
            ReplayTarget::Everyone => provision::find(&connection.context, self.stream()).await,
        };
        match found {
            Ok(Some(info)) => Ok(StreamFacts::new(&info, version, 0, Vec::new())),
            Ok(None) => Err(ProbeError::NoStream),
            Err(StreamUnusable::Later(error) | StreamUnusable::Missing(error)) => Err(error),
            Err(StreamUnusable::Fault(fault)) => Err(refused(fault.to_string())),
        }
    }
}
