//! Where a replay's copies of events go, and which of them are there.

use std::{collections::HashSet, sync::Arc};

use async_nats::jetstream::stream::Config;
use uuid::Uuid;

use super::{
    definition,
    error::{NatsError, ProbeError},
    outcome::Outcome,
    provision::{self, Unfit},
    publisher::{JetStreamPublisher, OutgoingEvent},
    scan::{MessageId, Scan, Start, Wanted},
    status::StreamFacts,
};

/// What copies' subjects begin with; the replay's name and the event's follow.
pub const REPLAY_SUBJECT: &str = "auth.replay.";

/// How many messages are read at once.
const CHUNK: usize = 1000;

/// Who takes copies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CopyTo {
    /// The stream of replays, on subjects of the replay's own.
    Replays,
    /// The event stream, on the events' subjects: whoever reads it.
    Everyone,
}

/// How copies differ from events: their ids end in the replay's name.
#[derive(Clone, Debug)]
pub(crate) struct Copies {
    pub(crate) replay: String,
    pub(crate) to: CopyTo,
}

impl Copies {
    /// The id of a copy.
    pub(crate) fn id(&self, event: Uuid) -> String {
        format!("{event}.{}", self.replay)
    }

    /// The subject of a copy.
    pub(crate) fn subject(&self, subject: &str) -> String {
        match self.to {
            CopyTo::Replays => {
                let name = subject.rsplit('.').next().unwrap_or(subject);
                format!("{REPLAY_SUBJECT}{}.{name}", self.replay)
            }
            CopyTo::Everyone => subject.to_owned(),
        }
    }
}

/// Publishes a replay's copies.
#[derive(Clone, Debug)]
pub struct CopyPublisher {
    publisher: JetStreamPublisher,
    replay: String,
    to: CopyTo,
    /// The stream of replays as it should be.
    replays: Arc<Config>,
}

/// What is already there.
#[derive(Clone, Debug)]
pub struct Copied {
    /// The stream.
    pub facts: StreamFacts,
    /// The events of which it has copies, behind the sequence that was asked for.
    pub events: HashSet<Uuid>,
}

impl CopyPublisher {
    /// Copies of a replay's over the publisher's connection.
    ///
    /// # Errors
    ///
    /// [`NatsError::Definition`].
    pub fn new(publisher: &JetStreamPublisher, replay: &str, to: CopyTo) -> Result<Self, NatsError> {
        let replays = definition::replays(&publisher.shared.desired)?;
        let stream = match to {
            CopyTo::Replays => replays.name.clone(),
            CopyTo::Everyone => publisher.shared.desired.name.clone(),
        };
        let replay = replay.to_owned();
        let copies = Copies {
            replay: replay.clone(),
            to,
        };
        Ok(Self {
            publisher: publisher.of_copies(stream, copies),
            replay,
            to,
            replays: Arc::new(replays),
        })
    }

    /// The stream that takes them.
    #[must_use]
    pub fn stream(&self) -> &str {
        self.publisher.stream()
    }

    /// Makes the stream of replays if it is missing, and finds the copies that the stream has behind a sequence.
    ///
    /// # Errors
    ///
    /// [`ProbeError`]: ask again.
    pub async fn copied(&self, behind: u64) -> Result<Copied, ProbeError> {
        let facts = self.facts().await?;
        // A shorter stream is another one: then nothing is behind anything.
        let from = if facts.last_seq < behind { 0 } else { behind };
        let mut events = HashSet::new();
        if facts.last_seq > from {
            let wanted = Wanted {
                start: Start::Sequence((from + 1).max(facts.first_seq)),
                subjects: Vec::new(),
                headers_only: true,
            };
            let mut scan = Scan::open(&self.publisher.shared.connected()?.context, self.stream(), wanted).await?;
            loop {
                let chunk = scan.chunk(CHUNK, facts.last_seq).await?;
                if chunk.is_empty() {
                    break;
                }
                events.extend(chunk.iter().filter_map(|seen| match &seen.id {
                    MessageId::Replayed { event, replay } if *replay == self.replay => Some(*event),
                    _ => None,
                }));
            }
        }
        Ok(Copied { facts, events })
    }

    /// Publishes copies in order. Answers one outcome for each event, at the same place.
    pub async fn publish(&self, events: &[OutgoingEvent], facts: &StreamFacts) -> Vec<Outcome> {
        self.publisher.publish_into(events, facts).await
    }

    async fn facts(&self) -> Result<StreamFacts, ProbeError> {
        let shared = &self.publisher.shared;
        let link = shared.connected()?;
        let refused = |reason: String| ProbeError::Refused {
            what: "the stream of the copies",
            reason,
        };
        let version =
            provision::check_version(&link.client.server_info().version).map_err(|fault| refused(fault.to_string()))?;
        let found = match self.to {
            CopyTo::Replays => provision::ensure(&link.context, &self.replays)
                .await
                .map(|verified| Some(verified.info)),
            // The service makes it; a replay into a stream that was lost would come before the events themselves.
            CopyTo::Everyone => provision::find(&link.context, self.stream()).await,
        };
        match found {
            Ok(Some(info)) => Ok(StreamFacts::new(&info, version, 0, Vec::new())),
            Ok(None) => Err(ProbeError::NoStream),
            Err(Unfit::Later(error) | Unfit::Missing(error)) => Err(error),
            Err(Unfit::Fault(fault)) => Err(refused(fault.to_string())),
        }
    }
}
