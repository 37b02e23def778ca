//! Finds the place at which publishing goes on, from the end of the stream itself: after every
//! start, reconnect and failed publication.
//!
//! | the stream | then |
//! |---|---|
//! | is the one of the position, and has its message, or has deleted it | go on behind the later of the position and the last known event |
//! | is the same, and ends before the position or has another message there | its end was lost: go on behind its last known event |
//! | is another one without an event of ours | it replaces a lost one: fill it again with what fits |
//! | is another one with events of ours | it is the same one elsewhere: go on behind its last known event |
//! | has an event of ours that the ledger lacks | the ledger is behind: publish nothing |

use uuid::Uuid;

use super::cursor::{LastMessage, Place};
use super::refill;
use super::tail::{Found, Tail, TailError};
use crate::relay::parts::RelayParts;
use crate::{
    domain::ids::{LedgerSeq, StreamSeq},
    jetstream::StreamFacts,
    store::{LeaderLease, RelayPosition},
    telemetry::SeededBug,
};

pub(in crate::relay) struct Resumed {
    pub(in crate::relay) place: Place,
    /// Messages of others at the end of the stream, and the `ce-source` of one of them.
    pub(in crate::relay) foreign: u64,
    pub(in crate::relay) foreign_source: Option<String>,
}

/// Find the place, and store the position when the stream is a new one. `before` is the place as it
/// was known on this connection: what is in front of it is not read again.
pub(in crate::relay) async fn resume(
    parts: &RelayParts,
    lease: &LeaderLease,
    ledger: Uuid,
    before: Option<Place>,
) -> Result<Resumed, TailError> {
    let facts = parts.publisher.position().await?;
    let ends = lease.ends().await?;
    let position = lease.position().await?;
    let known = position.as_ref().map_or(ends.last, |position| position.seq.max(ends.last));
    if ends.assigned < known {
        return Err(TailError::SequenceBehind { known, assigned: ends.assigned });
    }
    let (publisher, marks) = (&parts.publisher, &parts.marks);
    let resume = Resume {
        parts,
        facts,
        tail: Tail { lease, publisher, marks, ledger, ends },
    };
    match position {
        None => resume.at_the_end(None).await,
        Some(position) if SeededBug::RefillTwice.is_active() && position.refill_from.is_some() => {
            let found = resume.tail.backward(resume.facts.first_seq, resume.facts.last_seq).await?;
            resume.refilled(&position, found).await
        }
        Some(position) if resume.is_same_stream(&position) => {
            let last = LastMessage { seq: position.stream_seq, id: position.message_id.clone() };
            if resume.holds(&last).await? {
                resume.behind(&position, before).await
            } else {
                resume.after_loss(&position).await
            }
        }
        Some(position) => resume.in_another_stream(&position).await,
    }
}

struct Resume<'a> {
    parts: &'a RelayParts,
    facts: StreamFacts,
    tail: Tail<'a>,
}

impl Resume<'_> {
    fn is_same_stream(&self, position: &RelayPosition) -> bool {
        position.stream == self.parts.publisher.stream() && position.created == self.facts.created
    }

    /// Whether the stream still has the end that it had. A message that is gone was deleted.
    async fn holds(&self, last: &LastMessage) -> Result<bool, TailError> {
        if self.facts.last_seq < last.seq {
            return Ok(false);
        }
        let Some(id) = &last.id else {
            return Ok(true);
        };
        let message = self.tail.publisher.message_at(last.seq).await?;
        Ok(message.is_none_or(|message| message.message_id.as_ref() == Some(id)))
    }

    async fn behind(&self, position: &RelayPosition, before: Option<Place>) -> Result<Resumed, TailError> {
        let is_behind_position = position.stream_seq..=self.facts.last_seq;
        let before =
            before.filter(|before| before.created == self.facts.created && is_behind_position.contains(&before.fence));
        // Messages of others move no position, and may be many.
        let (known, cursor, last) = match before {
            Some(before) if self.holds(&before.last).await? => {
                (before.fence, before.cursor.max(position.seq), before.last)
            }
            _ => {
                let last = LastMessage { seq: position.stream_seq, id: position.message_id.clone() };
                (position.stream_seq, position.seq, last)
            }
        };
        let after = known.max(self.facts.first_seq.saturating_sub(1));
        let found = self.tail.forward(after, self.facts.last_seq).await?;
        if after > known {
            report_unread(known, after);
        } else {
            self.report_holes(cursor, &found).await?;
        }
        let cursor = found.known.map_or(cursor, |known| known.max(cursor));
        Ok(self.resumed(cursor, found, last, position.refill_from))
    }

    /// Report events that the stream lacks before one that it has. They are not published there any
    /// more, since later ones are stored already.
    async fn report_holes(&self, cursor: LedgerSeq, found: &Found) -> Result<(), TailError> {
        let Some(known) = found.known.filter(|known| *known > cursor) else {
            return Ok(());
        };
        let expected = self.tail.lease.count_user_events(cursor, known).await?;
        let lost = expected.saturating_sub(found.user_events);
        if lost > 0 {
            self.parts.metrics.stream_lost_events.inc_by(lost);
            tracing::error!(
                events = lost,
                after = cursor.get(),
                through = known.get(),
                "the stream lacks events before others that it has: `watchword events verify` lists them, \
                 `watchword events replay --everyone` publishes them"
            );
        }
        Ok(())
    }

    async fn after_loss(&self, position: &RelayPosition) -> Result<Resumed, TailError> {
        let found = self.tail.backward(self.facts.first_seq, self.facts.last_seq).await?;
        let resumed = match found.known {
            Some(known) => self.resumed(known, found, LastMessage::default(), position.refill_from),
            None => self.refilled(position, found).await?,
        };
        let lost = self.count_lost(position, &resumed.place);
        tracing::error!(events = lost, "stream has lost acknowledged events; publishing them again");
        Ok(resumed)
    }

    fn count_lost(&self, position: &RelayPosition, place: &Place) -> u64 {
        let lost = position.seq.get().saturating_sub(place.cursor.get()).unsigned_abs();
        self.parts.metrics.stream_lost_events.inc_by(lost);
        lost
    }

    async fn in_another_stream(&self, position: &RelayPosition) -> Result<Resumed, TailError> {
        let found = self.tail.backward(self.facts.first_seq, self.facts.last_seq).await?;
        let resumed = match found.known {
            Some(_) => self.at_the_end(Some(found)).await?,
            None => {
                let refilled = self.refilled(position, found).await?;
                self.count_lost(position, &refilled.place);
                refilled
            }
        };
        let saved = resumed.place.position(self.parts.publisher.stream());
        self.tail.lease.save_position(&saved, self.parts.clock.now()).await?;
        Ok(resumed)
    }

    /// Go on behind the last known event, or begin with the first one of the ledger.
    async fn at_the_end(&self, found: Option<Found>) -> Result<Resumed, TailError> {
        let found = match found {
            Some(found) => found,
            None => self.tail.backward(self.facts.first_seq, self.facts.last_seq).await?,
        };
        Ok(self.resumed(found.known.unwrap_or_default(), found, LastMessage::default(), None))
    }

    /// Fill a stream that replaces a lost one.
    async fn refilled(&self, position: &RelayPosition, found: Found) -> Result<Resumed, TailError> {
        let now = self.parts.clock.now();
        let from = refill::first(self.tail.lease, &self.facts, position.seq, self.tail.ends, now).await?;
        tracing::warn!(
            stream = self.parts.publisher.stream(),
            from = from.get(),
            published = position.seq.get(),
            "stream replaces a lost one; filling it again"
        );
        let last = LastMessage { seq: self.facts.last_seq, id: None };
        Ok(self.resumed(from.saturating_sub(1), found, last, Some(from)))
    }

    fn resumed(&self, cursor: LedgerSeq, found: Found, last: LastMessage, refill_from: Option<LedgerSeq>) -> Resumed {
        Resumed {
            foreign: found.foreign,
            foreign_source: found.foreign_source,
            place: Place {
                cursor,
                fence: found.end.max(self.facts.last_seq),
                last: found.last.unwrap_or(last),
                created: self.facts.created,
                refill_from,
            },
        }
    }
}

/// Report messages that nobody can read any more.
fn report_unread(known: StreamSeq, after: StreamSeq) {
    tracing::warn!(
        messages = after.get().saturating_sub(known.get()),
        behind = known.get(),
        "messages behind the position were deleted unread; where a backup was restored, they may have been events \
         that the ledger lacks"
    );
}
