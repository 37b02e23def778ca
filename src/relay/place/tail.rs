//! The messages at the end of the stream, and whose they are.

use std::time::Duration;

use futures_util::future::try_join_all;
use tokio::time::Instant;
use uuid::Uuid;

use super::cursor::LastMessage;
use crate::{
    domain::ids::{LedgerSeq, StreamSeq},
    jetstream::{JetStreamPublisher, ProbeError, StoredMessage, may_be_unrouted},
    security::{LedgerMarks, LedgerPlace},
    store::{LeaderLease, LedgerEnds, StoreError},
};

/// Between two log lines while many messages are read.
const LOG_INTERVAL: Duration = Duration::from_secs(10);
/// Messages that are read at once.
const READ_WINDOW: u64 = 64;

/// Why the place in the stream could not be found: try again.
#[derive(Debug, thiserror::Error)]
pub(in crate::relay) enum TailError {
    #[error("the stream cannot be read")]
    Stream(#[from] ProbeError),
    #[error("the ledger cannot be read or written")]
    Ledger(#[from] StoreError),
    /// Nothing may be published: a backup was restored, or a failover has lost commits.
    #[error(
        "the ledger is behind the stream: message {message} is event {event} of this ledger, which does not have it; \
         run `watchword events adopt`"
    )]
    LedgerBehind { message: StreamSeq, event: LedgerSeq },
    #[error(
        "the ledger's sequence is behind its events: event {known} is recorded or published, and no sequence above \
         {assigned} was given out; run `watchword events adopt`"
    )]
    SequenceBehind { known: LedgerSeq, assigned: LedgerSeq },
}

/// Whose a message is.
enum Origin {
    /// The event at this place.
    Known(LedgerSeq),
    /// The copy of a replay, or an event so old that the ledger has deleted it.
    Own,
    Foreign,
}

/// Reads messages of the stream and looks their events up in the ledger.
pub(in crate::relay) struct Tail<'a> {
    pub(in crate::relay) lease: &'a LeaderLease,
    pub(in crate::relay) publisher: &'a JetStreamPublisher,
    pub(in crate::relay) marks: &'a LedgerMarks,
    pub(in crate::relay) ledger: Uuid,
    pub(in crate::relay) ends: LedgerEnds,
}

/// What a part of the stream holds.
#[derive(Debug, Default)]
pub(in crate::relay) struct Found {
    /// The last event.
    pub(in crate::relay) known: Option<LedgerSeq>,
    /// The last message of ours.
    pub(in crate::relay) last: Option<LastMessage>,
    /// The last sequence that was read.
    pub(in crate::relay) end: StreamSeq,
    /// The messages of others, and the `ce-source` of one of them.
    pub(in crate::relay) foreign: u64,
    pub(in crate::relay) foreign_source: Option<String>,
    /// How many known events about accounts there are, where it was read forward.
    pub(in crate::relay) user_events: u64,
}

impl Tail<'_> {
    /// Read forward behind `after`, up to `last`. What is stored later is not waited for: others
    /// may publish faster than this reads. If there is something, the next publication is refused.
    pub(in crate::relay) async fn forward(&self, after: StreamSeq, last: StreamSeq) -> Result<Found, TailError> {
        let mut found = Found { end: after, ..Found::default() };
        let mut progress = Progress::new();
        while found.end < last {
            let to = found.end.saturating_add(READ_WINDOW).min(last);
            for message in self.read(found.end.saturating_add(1), to).await? {
                progress.note(message.seq);
                match self.origin(&message).await? {
                    Origin::Known(seq) => {
                        found.known = found.known.max(Some(seq));
                        found.last = Some(LastMessage::of(&message));
                        found.user_events += u64::from(!may_be_unrouted(&message.subject));
                    }
                    Origin::Own => found.last = Some(LastMessage::of(&message)),
                    Origin::Foreign => found.note_foreign(message),
                }
            }
            found.end = to;
        }
        Ok(found)
    }

    /// Read backward from `last`, to the last event that the ledger knows.
    pub(in crate::relay) async fn backward(&self, first: StreamSeq, last: StreamSeq) -> Result<Found, TailError> {
        let mut found = Found { end: last, ..Found::default() };
        let mut progress = Progress::new();
        // Mostly the last one is it.
        let (first, mut to, mut window) = (first.max(1.into()), last, 1);
        while to >= first {
            let from = to.saturating_sub(window - 1).max(first);
            for message in self.read(from, to).await?.into_iter().rev() {
                progress.note(message.seq);
                let origin = self.origin(&message).await?;
                if !matches!(origin, Origin::Foreign) && found.last.is_none() {
                    found.last = Some(LastMessage::of(&message));
                }
                match origin {
                    Origin::Known(known) => {
                        found.known = Some(known);
                        return Ok(found);
                    }
                    Origin::Own => {}
                    Origin::Foreign => found.note_foreign(message),
                }
            }
            to = from.saturating_sub(1);
            window = READ_WINDOW.min(window * 2);
        }
        Ok(found)
    }

    /// Read the messages that are left of a part of the stream.
    async fn read(&self, from: StreamSeq, to: StreamSeq) -> Result<Vec<StoredMessage>, TailError> {
        let reads = (from.get()..=to.get()).map(|seq| self.publisher.message_at(seq.into()));
        Ok(try_join_all(reads).await?.into_iter().flatten().collect())
    }

    async fn origin(&self, message: &StoredMessage) -> Result<Origin, TailError> {
        let Some((place, id)) = self.read_mark(message) else {
            return Ok(Origin::Foreign);
        };
        let Ok(event) = id.parse::<Uuid>() else {
            return Ok(Origin::Own);
        };
        if self.lease.id_at(place.seq).await? == Some(event) {
            return Ok(Origin::Known(place.seq));
        }
        // What is below the first event was deleted for its age.
        let oldest = self.ends.first.unwrap_or_else(|| self.ends.assigned.saturating_add(1));
        if place.seq < oldest {
            return Ok(Origin::Own);
        }
        Err(TailError::LedgerBehind { message: message.seq, event: place.seq })
    }

    /// The place of a message of this ledger, and its `Nats-Msg-Id`.
    fn read_mark<'m>(&self, message: &'m StoredMessage) -> Option<(LedgerPlace, &'m str)> {
        let (mark, id) = (message.mark.as_deref()?, message.message_id.as_deref()?);
        let place = self.marks.read(mark, id, &message.payload)?;
        (place.ledger == self.ledger).then_some((place, id))
    }
}

/// How many messages were read.
struct Progress {
    read: u64,
    logged: Instant,
}

impl Progress {
    fn new() -> Self {
        Self { read: 0, logged: Instant::now() }
    }

    fn note(&mut self, seq: StreamSeq) {
        self.read += 1;
        if self.logged.elapsed() >= LOG_INTERVAL {
            self.logged = Instant::now();
            tracing::info!(messages = self.read, at = seq.get(), "reading the end of the stream");
        }
    }
}

impl Found {
    fn note_foreign(&mut self, message: StoredMessage) {
        self.foreign += 1;
        self.foreign_source = message.source.or(self.foreign_source.take());
    }
}

impl LastMessage {
    fn of(message: &StoredMessage) -> Self {
        Self { seq: message.seq, id: message.message_id.clone() }
    }
}
