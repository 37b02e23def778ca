//! The stream of replays: events once more, under other names.

use std::sync::Arc;

use async_nats::jetstream::stream::Config;

use super::{
    message::OutgoingEvent,
    outcome::Answer,
    publisher::{self, JetStreamPublisher, SendMode},
    replay_naming::ReplayNaming,
    target::PublishTarget,
};
use crate::domain::ids::StreamSeq;
use crate::domain::replay::ReplayTarget;
use crate::jetstream::{
    connection::StreamFacts,
    error::{NatsError, ProbeError},
    stream::{
        StoredMessage, definition, probe,
        provision::{self, StreamUnusable},
    },
};

/// Publishes the events of one replay.
#[derive(Clone, Debug)]
pub struct ReplayPublisher {
    target: PublishTarget,
    to: ReplayTarget,
    /// The stream of replays as it should be.
    definition: Arc<Config>,
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
            to,
            definition: Arc::new(definition),
        })
    }

    /// The stream that takes the replay.
    #[must_use]
    pub fn stream(&self) -> &str {
        &self.target.stream
    }

    /// The `Nats-Msg-Id` of an event's copy.
    #[must_use]
    pub fn message_id(&self, event: &OutgoingEvent) -> String {
        self.target.message_id(event)
    }

    /// Send events in order behind the sequence `after`, and wait until they are stored.
    pub async fn publish(&self, events: &[OutgoingEvent], after: StreamSeq, facts: &StreamFacts) -> Answer {
        let messages = events.iter().map(|event| self.target.message(event)).collect();
        let sent = publisher::send(&self.target, messages, after, SendMode::Batch, facts.atomic).await;
        sent.answer().await
    }

    /// Read the first message of the replay's stream at or behind a sequence.
    ///
    /// # Errors
    ///
    /// [`ProbeError`]: retry.
    pub async fn next_message(&self, from: StreamSeq) -> Result<Option<StoredMessage>, ProbeError> {
        probe::next_message(&self.target.connection, self.stream(), from).await
    }

    /// Create the stream of replays if it is missing, and ask for its first and last sequence.
    ///
    /// # Errors
    ///
    /// [`ProbeError`]: retry.
    pub async fn facts(&self) -> Result<StreamFacts, ProbeError> {
        let connection = self.target.connection.connected()?;
        let refused = |reason: String| ProbeError::Refused { what: "the stream of the replay", reason };
        let version = provision::check_version(&connection.client.server_info().version)
            .map_err(|fault| refused(fault.to_string()))?;
        let found = match self.to {
            ReplayTarget::Replays => provision::ensure(&connection.context, &self.definition)
                .await
                .map(|provisioned| Some(provisioned.info)),
            // Only the service creates it.
            ReplayTarget::Everyone => provision::find(&connection.context, self.stream()).await,
        };
        match found {
            Ok(Some(info)) => Ok(StreamFacts::new(&info, version, Vec::new())),
            Ok(None) => Err(ProbeError::NoStream),
            Err(StreamUnusable::Later(error) | StreamUnusable::Missing(error)) => Err(error),
            Err(StreamUnusable::Fault(fault)) => Err(refused(fault.to_string())),
        }
    }
}
