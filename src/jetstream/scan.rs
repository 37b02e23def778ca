//! Reading many messages one after the other, through a consumer that the server forgets by itself.

use std::time::Duration;

use async_nats::jetstream::{
    Context, Message,
    consumer::{
        DeliverPolicy,
        pull::{Ordered, OrderedConfig},
    },
};
use bytes::Bytes;
use futures_util::StreamExt as _;
use time::OffsetDateTime;
use uuid::Uuid;
use watchword_events::headers::{CE_SUBJECT, MESSAGE_ID};

use super::error::ProbeError;

const READ: &str = "read the stream's messages";
/// How long the next message may take while there is one.
const PATIENCE: Duration = Duration::from_secs(30);

/// Where to begin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Start {
    /// At this sequence.
    Sequence(u64),
    /// With the first message stored at this time or later.
    Time(OffsetDateTime),
    /// With the next message.
    Next,
}

/// Which messages, and how much of them.
#[derive(Clone, Debug)]
pub struct Wanted {
    /// Where to begin.
    pub start: Start,
    /// Of these subjects; of any when there are none.
    pub subjects: Vec<String>,
    /// Without their bodies.
    pub headers_only: bool,
}

/// What a message's `Nats-Msg-Id` says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MessageId {
    /// An event of the ledger.
    Event(Uuid),
    /// A copy of an event that a replay made.
    Replayed {
        /// The event.
        event: Uuid,
        /// The replay's name.
        replay: String,
    },
    /// None of ours: what it says, if anything.
    Other(Option<String>),
}

impl MessageId {
    /// Reads the header's value. A replay's copies have the event's id, a full stop and the replay's name.
    pub(crate) fn parse(text: Option<&str>) -> Self {
        let Some(text) = text else { return Self::Other(None) };
        let (id, replay) = text.split_once('.').map_or((text, None), |(id, name)| (id, Some(name)));
        match (id.parse(), replay) {
            (Ok(id), None) => Self::Event(id),
            (Ok(event), Some(replay)) => Self::Replayed {
                event,
                replay: replay.to_owned(),
            },
            (Err(_), _) => Self::Other(Some(text.to_owned())),
        }
    }
}

/// A message that was read.
#[derive(Clone, Debug)]
pub struct Seen {
    /// Its sequence in the stream.
    pub seq: u64,
    /// Its subject.
    pub subject: String,
    /// Which event it says it is.
    pub id: MessageId,
    /// Whom it says it is about.
    pub user: Option<Uuid>,
    /// Its body; empty when only headers were wanted.
    pub payload: Bytes,
    /// How many of the messages that are wanted come after it.
    pub pending: u64,
}

/// Messages in the order of the stream.
pub struct Scan {
    messages: Ordered,
    /// How many there were when it began.
    pending: u64,
}

impl Scan {
    /// Begins to read.
    ///
    /// # Errors
    ///
    /// [`ProbeError`], also when this user may make no consumers.
    pub(crate) async fn open(context: &Context, stream: &str, wanted: Wanted) -> Result<Self, ProbeError> {
        let stream = context.get_stream_no_info(stream).await.map_err(refused)?;
        // Without a name of its own the request would need the right to change whichever consumer it names.
        let inbox = context.client().new_inbox();
        let unique = inbox.rsplit('.').next().unwrap_or(&inbox);
        let config = OrderedConfig {
            name: Some(format!("watchword-{unique}")),
            description: Some("watchword events".to_owned()),
            deliver_policy: match wanted.start {
                Start::Sequence(start_sequence) => DeliverPolicy::ByStartSequence {
                    start_sequence: start_sequence.max(1),
                },
                Start::Time(start_time) => DeliverPolicy::ByStartTime { start_time },
                Start::Next => DeliverPolicy::New,
            },
            filter_subjects: wanted.subjects,
            headers_only: wanted.headers_only,
            ..OrderedConfig::default()
        };
        let consumer = stream.create_consumer(config).await.map_err(refused)?;
        let pending = consumer.cached_info().num_pending;
        let messages = consumer.messages().await.map_err(refused)?;
        Ok(Self { messages, pending })
    }

    /// How many messages there were to read when it began.
    #[must_use]
    pub const fn pending(&self) -> u64 {
        self.pending
    }

    /// The next message, as soon as there is one.
    ///
    /// # Errors
    ///
    /// [`ProbeError`] when reading cannot go on.
    pub async fn next(&mut self) -> Result<Seen, ProbeError> {
        match self.messages.next().await {
            Some(Ok(message)) => seen(message),
            Some(Err(error)) => Err(refused(error)),
            None => Err(refused("the stream's messages ended")),
        }
    }

    /// The next messages up to and with the sequence `through`, at most `most`. Empty when there are no more.
    ///
    /// # Errors
    ///
    /// [`ProbeError`] when reading cannot go on.
    pub async fn chunk(&mut self, most: usize, through: u64) -> Result<Vec<Seen>, ProbeError> {
        let mut chunk = Vec::with_capacity(most);
        while self.pending > 0 && chunk.len() < most {
            let next = tokio::time::timeout(PATIENCE, self.next());
            let message = next.await.map_err(|_| ProbeError::TimedOut(READ))??;
            // Whatever comes behind is of no interest.
            self.pending = if message.seq < through { message.pending } else { 0 };
            if message.seq <= through {
                chunk.push(message);
            }
        }
        Ok(chunk)
    }
}

fn seen(message: Message) -> Result<Seen, ProbeError> {
    let info = message.info().map_err(|error| refused(&*error))?;
    let (seq, pending) = (info.stream_sequence, info.pending);
    let header = |name| {
        let headers = message.headers.as_ref()?;
        headers.get(name).map(async_nats::HeaderValue::as_str)
    };
    Ok(Seen {
        seq,
        pending,
        id: MessageId::parse(header(MESSAGE_ID)),
        user: header(CE_SUBJECT).and_then(|user| user.parse().ok()),
        subject: message.subject.to_string(),
        payload: message.message.payload,
    })
}

fn refused(error: impl std::fmt::Display) -> ProbeError {
    ProbeError::Refused {
        what: READ,
        reason: error.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_of_events_of_replays_and_of_others_are_told_apart() {
        let id = Uuid::from_u128(7);
        assert_eq!(MessageId::parse(Some(&id.to_string())), MessageId::Event(id));
        assert_eq!(
            MessageId::parse(Some(&format!("{id}.backfill-2"))),
            MessageId::Replayed {
                event: id,
                replay: "backfill-2".to_owned()
            }
        );
        for other in ["order-17", "", "x.backfill"] {
            assert_eq!(MessageId::parse(Some(other)), MessageId::Other(Some(other.to_owned())));
        }
        assert_eq!(MessageId::parse(None), MessageId::Other(None));
    }
}
