//! How far the durable consumers of the stream are, and how close they are to losing what they have
//! not read: a full stream discards its oldest messages, read or not.

use std::time::Duration;

use async_nats::jetstream::{
    consumer::Info as ConsumerInfo,
    stream::{Info, RawMessageErrorKind, Stream},
};
use futures_util::TryStreamExt as _;
use time::OffsetDateTime;

use super::provision::{self, StreamUnusable};
use crate::domain::ids::StreamSeq;
use crate::jetstream::{connection::ConnectionState, error::ProbeError};

const LIST: &str = "consumer list";
const READ: &str = "read the oldest unread message";
/// Further durables are not read, nor do they get metrics.
const MAX_DURABLES: usize = 500;

/// What a message takes while the stream has none to measure, in bytes.
pub(crate) const TYPICAL_MESSAGE_BYTES: u64 = 1500;

/// How many messages limits allow. Bytes are assumed to be spread evenly, and a tenth is kept back.
pub(crate) fn capacity(max_msgs: Option<u64>, max_bytes: Option<u64>, message_size: u64) -> Option<u64> {
    let by_bytes = max_bytes.map(|max| max / 10 * 9 / message_size.max(1));
    [max_msgs, by_bytes].into_iter().flatten().min()
}

/// The limits of the stream and what of them is used.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct StreamUsage {
    /// The lowest sequence still stored.
    pub first_seq: StreamSeq,
    /// The highest sequence ever assigned.
    pub last_seq: StreamSeq,
    pub messages: u64,
    pub bytes: u64,
    pub max_msgs: Option<u64>,
    pub max_bytes: Option<u64>,
    pub max_age: Option<Duration>,
}

/// How far a durable consumer is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DurableLag {
    pub durable: String,
    /// Messages that it has not acknowledged: not delivered yet, or in flight.
    pub pending: u64,
    /// Everything up to here is acknowledged.
    pub ack_floor: StreamSeq,
    /// The last message that it was given. Behind the end of the stream when that was lost.
    pub delivered: StreamSeq,
    pub paused: bool,
    /// The oldest of them that is still stored.
    pub oldest: Option<UnackedMessage>,
}

/// A message that a durable consumer has not acknowledged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UnackedMessage {
    pub seq: StreamSeq,
    /// When the stream stored it.
    pub published: OffsetDateTime,
}

impl StreamUsage {
    fn new(info: &Info) -> Self {
        let positive = |limit: i64| u64::try_from(limit).ok().filter(|limit| *limit > 0);
        let (state, config) = (&info.state, &info.config);
        Self {
            first_seq: state.first_sequence.into(),
            last_seq: state.last_sequence.into(),
            messages: state.messages,
            bytes: state.bytes,
            max_msgs: positive(config.max_messages),
            max_bytes: positive(config.max_bytes),
            max_age: Some(config.max_age).filter(|age| !age.is_zero()),
        }
    }

    /// How many messages of the present size the stream holds. `None`: there is no limit.
    #[must_use]
    pub fn capacity(&self) -> Option<u64> {
        capacity(self.max_msgs, self.max_bytes, self.message_size())
    }

    /// How many messages can be published before the stream discards one that this consumer has not
    /// acknowledged.
    #[must_use]
    pub fn room(&self, lag: &DurableLag) -> u64 {
        let capacity = self.capacity().unwrap_or(u64::MAX);
        let Some(oldest) = lag.oldest else { return capacity };
        let unread = self.last_seq.get().saturating_sub(oldest.seq.get()).saturating_add(1);
        capacity.saturating_sub(unread)
    }

    fn message_size(&self) -> u64 {
        self.bytes.checked_div(self.messages).unwrap_or(TYPICAL_MESSAGE_BYTES).max(1)
    }

    /// The share of the stream's limits that is left before the stream discards this message: 1 for
    /// a new message, 0 for the next one to be discarded. The tightest limit counts; bytes are
    /// assumed to be spread evenly.
    #[must_use]
    #[expect(clippy::cast_precision_loss, reason = "a share needs no more than a few digits")]
    pub fn headroom(&self, oldest: &UnackedMessage, now: OffsetDateTime) -> f64 {
        let to_end = |seq: StreamSeq| self.last_seq.get().saturating_sub(seq.get()).saturating_add(1) as f64;
        let unread = to_end(oldest.seq);
        let held = to_end(self.first_seq).max(unread);
        let used = [
            self.max_msgs.map(|max| unread / max as f64),
            self.max_bytes.map(|max| unread / held * self.bytes as f64 / max as f64),
            self.max_age.map(|max| (now - oldest.published).as_seconds_f64() / max.as_secs_f64()),
        ];
        let highest = used.into_iter().flatten().fold(0.0, f64::max);
        (1.0 - highest).clamp(0.0, 1.0)
    }
}

/// Read the usage of the stream and the lag of every durable consumer.
pub(crate) async fn read(state: &ConnectionState) -> Result<(StreamUsage, Vec<DurableLag>), ProbeError> {
    let ours = |subject: &str| {
        [
            "$JS.API.CONSUMER.LIST.",
            "$JS.API.STREAM.MSG.GET.",
            provision::STREAM_INFO,
        ]
        .iter()
        .any(|start| subject.starts_with(start))
    };
    let read = state.permissions.race(ours, read_unchecked(state));
    read.await.map_err(ProbeError::Denied)?
}

async fn read_unchecked(state: &ConnectionState) -> Result<(StreamUsage, Vec<DurableLag>), ProbeError> {
    let connection = state.connected()?;
    let name = &state.desired.name;
    let stream = connection.context.get_stream_no_info(name).await;
    let stream = stream.map_err(|error| refused(LIST, &error))?;
    let mut lags = Vec::new();
    let mut pages = stream.consumers();
    while let Some(info) = pages.try_next().await.map_err(|error| refused(LIST, &error))? {
        if info.config.durable_name.is_none() || lags.len() >= MAX_DURABLES {
            continue;
        }
        lags.push(DurableLag {
            oldest: oldest(&stream, &info).await?,
            pending: pending(&info),
            ack_floor: info.ack_floor.stream_sequence.into(),
            delivered: info.delivered.stream_sequence.into(),
            paused: info.paused,
            durable: info.name,
        });
    }
    // After the consumers, so that none of them seems to be ahead of the stream.
    let usage = match provision::find(&connection.context, name).await {
        Ok(Some(info)) => StreamUsage::new(&info),
        Ok(None) => return Err(ProbeError::NoStream),
        Err(StreamUnusable::Later(error) | StreamUnusable::Missing(error)) => return Err(error),
        Err(StreamUnusable::Fault(fault)) => return Err(refused(LIST, &fault)),
    };
    Ok((usage, lags))
}

fn pending(info: &ConsumerInfo) -> u64 {
    let in_flight = u64::try_from(info.num_ack_pending).unwrap_or(u64::MAX);
    info.num_pending.saturating_add(in_flight)
}

/// Find the first message after the ack floor that passes the filters of the consumer.
async fn oldest<I: Send + Sync>(stream: &Stream<I>, info: &ConsumerInfo) -> Result<Option<UnackedMessage>, ProbeError> {
    if pending(info) == 0 {
        return Ok(None);
    }
    let from = info.ack_floor.stream_sequence.saturating_add(1);
    let config = &info.config;
    let filters =
        std::iter::once(config.filter_subject.as_str()).chain(config.filter_subjects.iter().map(String::as_str));
    let mut filters: Vec<&str> = filters.filter(|filter| !filter.is_empty()).collect();
    if filters.is_empty() {
        filters.push(">");
    }
    let mut oldest: Option<UnackedMessage> = None;
    for filter in filters {
        match stream.get_first_raw_message_by_subject(filter, from).await {
            Ok(message) if oldest.is_none_or(|oldest| message.sequence < oldest.seq.get()) => {
                oldest = Some(UnackedMessage { seq: message.sequence.into(), published: message.time });
            }
            Ok(_) => {}
            Err(error) if error.kind() == RawMessageErrorKind::NoMessageFound => {}
            Err(error) => return Err(refused(READ, &error)),
        }
    }
    Ok(oldest)
}

fn refused(what: &'static str, error: &dyn std::error::Error) -> ProbeError {
    ProbeError::Refused { what, reason: error.to_string() }
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::*;

    const NOW: OffsetDateTime = datetime!(2026-11-22 12:00 UTC);

    fn full() -> StreamUsage {
        StreamUsage {
            first_seq: 901.into(),
            last_seq: 1000.into(),
            messages: 100,
            bytes: 10_000,
            max_msgs: Some(100),
            max_bytes: Some(40_000),
            max_age: Some(Duration::from_secs(1000)),
        }
    }

    fn headroom(usage: &StreamUsage, seq: u64, age: i64) -> i64 {
        let oldest = UnackedMessage {
            seq: seq.into(),
            published: NOW - time::Duration::seconds(age),
        };
        #[expect(clippy::cast_possible_truncation, reason = "0 to 100")]
        let percent = (usage.headroom(&oldest, NOW) * 100.0).round() as i64;
        percent
    }

    #[test]
    fn headroom_is_the_distance_to_the_first_message_of_a_full_stream() {
        assert_eq!(headroom(&full(), 901, 0), 0);
        assert_eq!(headroom(&full(), 911, 0), 10);
        assert_eq!(headroom(&full(), 1000, 0), 99);
    }

    #[test]
    fn a_stream_that_is_not_full_keeps_its_first_message() {
        let young = StreamUsage {
            first_seq: 1.into(),
            last_seq: 20.into(),
            messages: 20,
            bytes: 2000,
            ..full()
        };
        assert_eq!(headroom(&young, 1, 0), 80);
    }

    #[test]
    fn the_tightest_limit_counts() {
        assert_eq!(headroom(&full(), 1000, 950), 5);
        let heavy = StreamUsage { bytes: 38_000, max_msgs: None, ..full() };
        assert_eq!(headroom(&heavy, 901, 0), 5);
        let endless = StreamUsage { max_msgs: None, max_bytes: None, max_age: None, ..full() };
        assert_eq!(headroom(&endless, 901, 1_000_000), 100);
    }

    #[test]
    fn a_discarded_message_has_no_headroom() {
        assert_eq!(headroom(&full(), 1, 5000), 0);
    }
}
