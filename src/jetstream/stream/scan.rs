//! Reading many messages in sequence, through a consumer that the server deletes by itself.

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
use time::{OffsetDateTime, format_description::well_known::Rfc3339};
use uuid::Uuid;
use watchword_events::headers::{CE_SEQUENCE, CE_SUBJECT, CE_TIME, CE_TYPE, LEDGER, MESSAGE_ID, TRACEPARENT};

use crate::domain::ids::{StreamSeq, UserSeq};
use crate::jetstream::error::ProbeError;

const READ: &str = "read the stream's messages";
/// The longest wait for the next message while there is one.
const MESSAGE_TIMEOUT: Duration = Duration::from_secs(30);

/// Where a scan begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ScanStart {
    Sequence(StreamSeq),
    /// At the first message stored at this time or later.
    Time(OffsetDateTime),
    /// At the next message.
    Next,
}

/// Which messages to read, and how much of them.
#[derive(Clone, Debug)]
pub struct ScanRequest {
    pub start: ScanStart,
    /// Empty: all subjects.
    pub subjects: Vec<String>,
    /// Leave the payloads out.
    pub headers_only: bool,
}

/// A message's `Nats-Msg-Id`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MessageId {
    /// An event of the ledger.
    Event(Uuid),
    /// An event that was published again by a replay.
    Replayed {
        event: Uuid,
        /// The replay's name.
        replay: String,
    },
    /// None of ours: the value, if there is one.
    Other(Option<String>),
}

impl MessageId {
    /// Parse the value of the header. Replays write the event's id, a period and the replay's name.
    pub(crate) fn parse(text: Option<&str>) -> Self {
        let Some(text) = text else { return Self::Other(None) };
        let (id, replay) = text.split_once('.').map_or((text, None), |(id, name)| (id, Some(name)));
        match (id.parse(), replay) {
            (Ok(id), None) => Self::Event(id),
            (Ok(event), Some(replay)) => Self::Replayed { event, replay: replay.to_owned() },
            (Err(_), _) => Self::Other(Some(text.to_owned())),
        }
    }
}

#[derive(Clone, Debug)]
pub struct ScannedMessage {
    pub seq: StreamSeq,
    pub subject: String,
    pub id: MessageId,
    /// The value of `Watchword-Ledger`.
    pub mark: Option<String>,
    /// The user that its headers name.
    pub user: Option<Uuid>,
    /// The event's number among what happened to the user.
    pub user_seq: Option<UserSeq>,
    /// The major version of the event's schema.
    pub version: Option<u32>,
    pub occurred_at: Option<OffsetDateTime>,
    pub traceparent: Option<String>,
    /// Empty when only headers were requested.
    pub payload: Bytes,
    /// How many of the requested messages follow it.
    pub pending: u64,
}

/// Messages in the order of the stream.
pub struct Scan {
    messages: Ordered,
    pending: u64,
}

impl Scan {
    /// Create the consumer.
    ///
    /// # Errors
    ///
    /// [`ProbeError`], also when this user may not create consumers.
    pub(crate) async fn open(context: &Context, stream: &str, request: ScanRequest) -> Result<Self, ProbeError> {
        let stream = context.get_stream_no_info(stream).await.map_err(refused)?;
        // Without a name of its own the request would need a permission for any consumer.
        let inbox = context.client().new_inbox();
        let unique = inbox.rsplit('.').next().unwrap_or(&inbox);
        let config = OrderedConfig {
            name: Some(format!("watchword-{unique}")),
            description: Some("watchword events".to_owned()),
            deliver_policy: match request.start {
                ScanStart::Sequence(start) => DeliverPolicy::ByStartSequence { start_sequence: start.get().max(1) },
                ScanStart::Time(start_time) => DeliverPolicy::ByStartTime { start_time },
                ScanStart::Next => DeliverPolicy::New,
            },
            filter_subjects: request.subjects,
            headers_only: request.headers_only,
            ..OrderedConfig::default()
        };
        let consumer = stream.create_consumer(config).await.map_err(refused)?;
        let pending = consumer.cached_info().num_pending;
        let messages = consumer.messages().await.map_err(refused)?;
        Ok(Self { messages, pending })
    }

    /// How many messages there were to read when the scan began.
    #[must_use]
    pub const fn pending(&self) -> u64 {
        self.pending
    }

    /// Wait for the next message.
    ///
    /// # Errors
    ///
    /// [`ProbeError`] when the scan has to be opened again.
    pub async fn next(&mut self) -> Result<ScannedMessage, ProbeError> {
        match self.messages.next().await {
            Some(Ok(message)) => scanned(message),
            Some(Err(error)) => Err(refused(error)),
            None => Err(refused("the consumer ended")),
        }
    }

    /// Read the next messages up to and including the sequence `through`, at most `max`. Empty:
    /// there are no further ones.
    ///
    /// # Errors
    ///
    /// [`ProbeError`] when the scan has to be opened again.
    pub async fn chunk(&mut self, max: usize, through: StreamSeq) -> Result<Vec<ScannedMessage>, ProbeError> {
        let mut chunk = Vec::with_capacity(max);
        while self.pending > 0 && chunk.len() < max {
            let next = tokio::time::timeout(MESSAGE_TIMEOUT, self.next());
            let message = next.await.map_err(|_| ProbeError::TimedOut(READ))??;
            // What follows `through` is not read.
            self.pending = if message.seq < through { message.pending } else { 0 };
            if message.seq <= through {
                chunk.push(message);
            }
        }
        Ok(chunk)
    }
}

fn scanned(message: Message) -> Result<ScannedMessage, ProbeError> {
    let info = message.info().map_err(|error| refused(&*error))?;
    let (seq, pending) = (info.stream_sequence, info.pending);
    let header = |name| {
        let headers = message.headers.as_ref()?;
        headers.get(name).map(async_nats::HeaderValue::as_str)
    };
    Ok(ScannedMessage {
        seq: seq.into(),
        pending,
        id: MessageId::parse(header(MESSAGE_ID)),
        mark: header(LEDGER).map(str::to_owned),
        user: header(CE_SUBJECT).and_then(|user| user.parse().ok()),
        user_seq: header(CE_SEQUENCE).and_then(|number| number.parse::<i64>().ok()).map(Into::into),
        version: header(CE_TYPE).and_then(|kind| kind.rsplit_once(".v")?.1.parse().ok()),
        occurred_at: header(CE_TIME).and_then(|at| OffsetDateTime::parse(at, &Rfc3339).ok()),
        traceparent: header(TRACEPARENT).map(str::to_owned),
        subject: message.subject.to_string(),
        payload: message.message.payload,
    })
}

fn refused(error: impl std::fmt::Display) -> ProbeError {
    ProbeError::Refused { what: READ, reason: error.to_string() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_of_events_of_replays_and_of_others_are_distinguished() {
        let id = Uuid::from_u128(7);
        assert_eq!(MessageId::parse(Some(&id.to_string())), MessageId::Event(id));
        assert_eq!(
            MessageId::parse(Some(&format!("{id}.backfill-2"))),
            MessageId::Replayed { event: id, replay: "backfill-2".to_owned() }
        );
        for other in ["order-17", "", "x.backfill"] {
            assert_eq!(MessageId::parse(Some(other)), MessageId::Other(Some(other.to_owned())));
        }
        assert_eq!(MessageId::parse(None), MessageId::Other(None));
    }
}
