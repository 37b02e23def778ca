//! How far the durables of the stream are, and how close they are to losing what they have not read: a stream that is full
//! discards its oldest messages, read or not.

use std::{sync::Arc, time::Duration};

use async_nats::jetstream::{
    consumer::Info as ConsumerInfo,
    stream::{Info, RawMessageErrorKind, Stream},
};
use futures_util::TryStreamExt as _;
use time::OffsetDateTime;

use super::{
    connection::Shared,
    error::ProbeError,
    provision::{self, Unfit},
};

const LIST: &str = "consumer list";
const READ: &str = "read the oldest unread message";
/// Durables beyond this many are not looked at, nor do they get metrics.
const MOST: usize = 500;

/// The stream's limits and what of them is used.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Filling {
    /// The lowest sequence still stored.
    pub first_seq: u64,
    /// The highest sequence ever given.
    pub last_seq: u64,
    /// The messages stored.
    pub messages: u64,
    /// Their bytes.
    pub bytes: u64,
    /// No more messages than this are kept.
    pub max_msgs: Option<u64>,
    /// No more bytes than this are kept.
    pub max_bytes: Option<u64>,
    /// Messages older than this are discarded.
    pub max_age: Option<Duration>,
}

/// How far a durable is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DurableLag {
    /// Its name.
    pub durable: String,
    /// Messages it has not acknowledged: not delivered yet, or on the way.
    pub pending: u64,
    /// The oldest of them that is still stored.
    pub oldest: Option<Unread>,
}

/// A message that a durable has not acknowledged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unread {
    /// Its sequence.
    pub seq: u64,
    /// When it was stored.
    pub published: OffsetDateTime,
}

impl Filling {
    fn new(info: &Info) -> Self {
        let positive = |limit: i64| u64::try_from(limit).ok().filter(|limit| *limit > 0);
        let (state, config) = (&info.state, &info.config);
        Self {
            first_seq: state.first_sequence,
            last_seq: state.last_sequence,
            messages: state.messages,
            bytes: state.bytes,
            max_msgs: positive(config.max_messages),
            max_bytes: positive(config.max_bytes),
            max_age: Some(config.max_age).filter(|age| !age.is_zero()),
        }
    }

    /// Which share of the stream's limits is left before this message is discarded: 1 for a new message, 0 for the next to
    /// go. The tightest of the limits counts; bytes are taken to be spread evenly.
    #[must_use]
    #[expect(clippy::cast_precision_loss, reason = "a share needs no more than a few digits")]
    pub fn headroom(&self, oldest: &Unread, now: OffsetDateTime) -> f64 {
        let unread = self.last_seq.saturating_sub(oldest.seq).saturating_add(1) as f64;
        let held = (self.last_seq.saturating_sub(self.first_seq).saturating_add(1) as f64).max(unread);
        let used = [
            self.max_msgs.map(|most| unread / most as f64),
            self.max_bytes
                .map(|most| unread / held * self.bytes as f64 / most as f64),
            self.max_age
                .map(|longest| (now - oldest.published).as_seconds_f64() / longest.as_secs_f64()),
        ];
        let most_used = used.into_iter().flatten().fold(0.0, f64::max);
        (1.0 - most_used).clamp(0.0, 1.0)
    }
}

/// The stream, and every durable of it.
pub(crate) async fn lag(shared: &Arc<Shared>) -> Result<(Filling, Vec<DurableLag>), ProbeError> {
    let ours = |subject: &str| {
        ["$JS.API.CONSUMER.LIST.", "$JS.API.STREAM.MSG.GET.", provision::INFO]
            .iter()
            .any(|start| subject.starts_with(start))
    };
    let asked = shared.denials.or(ours, ask(shared));
    asked.await.map_err(ProbeError::Denied)?
}

async fn ask(shared: &Shared) -> Result<(Filling, Vec<DurableLag>), ProbeError> {
    let link = shared.connected()?;
    let name = &shared.desired.name;
    let filling = match provision::find(&link.context, name).await {
        Ok(Some(info)) => Filling::new(&info),
        Ok(None) => return Err(ProbeError::NoStream),
        Err(Unfit::Later(error) | Unfit::Missing(error)) => return Err(error),
        Err(Unfit::Fault(fault)) => return Err(refused(LIST, &fault)),
    };
    let stream = link.context.get_stream_no_info(name).await;
    let stream = stream.map_err(|error| refused(LIST, &error))?;
    let mut lags = Vec::new();
    let mut pages = stream.consumers();
    while let Some(info) = pages.try_next().await.map_err(|error| refused(LIST, &error))? {
        if info.config.durable_name.is_none() || lags.len() >= MOST {
            continue;
        }
        lags.push(DurableLag {
            oldest: oldest(&stream, &info).await?,
            pending: pending(&info),
            durable: info.name,
        });
    }
    Ok((filling, lags))
}

fn pending(info: &ConsumerInfo) -> u64 {
    let on_the_way = u64::try_from(info.num_ack_pending).unwrap_or(u64::MAX);
    info.num_pending.saturating_add(on_the_way)
}

/// The first message after what is acknowledged that the durable's filters let through.
async fn oldest<I: Send + Sync>(stream: &Stream<I>, info: &ConsumerInfo) -> Result<Option<Unread>, ProbeError> {
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
    let mut oldest: Option<Unread> = None;
    for filter in filters {
        match stream.get_first_raw_message_by_subject(filter, from).await {
            Ok(message) if oldest.is_none_or(|oldest| message.sequence < oldest.seq) => {
                oldest = Some(Unread {
                    seq: message.sequence,
                    published: message.time,
                });
            }
            Ok(_) => {}
            Err(error) if error.kind() == RawMessageErrorKind::NoMessageFound => {}
            Err(error) => return Err(refused(READ, &error)),
        }
    }
    Ok(oldest)
}

fn refused(what: &'static str, error: &dyn std::error::Error) -> ProbeError {
    ProbeError::Refused {
        what,
        reason: error.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::*;

    const NOW: OffsetDateTime = datetime!(2026-11-22 12:00 UTC);

    fn full() -> Filling {
        Filling {
            first_seq: 901,
            last_seq: 1000,
            messages: 100,
            bytes: 10_000,
            max_msgs: Some(100),
            max_bytes: Some(40_000),
            max_age: Some(Duration::from_secs(1000)),
        }
    }

    fn left(filling: &Filling, seq: u64, age: i64) -> i64 {
        let oldest = Unread {
            seq,
            published: NOW - time::Duration::seconds(age),
        };
        #[expect(clippy::cast_possible_truncation, reason = "0 to 100")]
        let percent = (filling.headroom(&oldest, NOW) * 100.0).round() as i64;
        percent
    }

    #[test]
    fn what_is_left_is_the_distance_to_the_first_message_of_a_full_stream() {
        assert_eq!(left(&full(), 901, 0), 0);
        assert_eq!(left(&full(), 911, 0), 10);
        assert_eq!(left(&full(), 1000, 0), 99);
    }

    #[test]
    fn a_stream_with_room_keeps_even_its_first_message() {
        let young = Filling {
            first_seq: 1,
            last_seq: 20,
            messages: 20,
            bytes: 2000,
            ..full()
        };
        assert_eq!(left(&young, 1, 0), 80);
    }

    #[test]
    fn the_tightest_limit_counts() {
        assert_eq!(left(&full(), 1000, 950), 5);
        let heavy = Filling {
            bytes: 38_000,
            max_msgs: None,
            ..full()
        };
        assert_eq!(left(&heavy, 901, 0), 5);
        let endless = Filling {
            max_msgs: None,
            max_bytes: None,
            max_age: None,
            ..full()
        };
        assert_eq!(left(&endless, 901, 1_000_000), 100);
    }

    #[test]
    fn what_is_discarded_already_has_no_room() {
        assert_eq!(left(&full(), 1, 5000), 0);
    }
}
