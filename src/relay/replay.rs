//! Sends the events of a replay once more, in the order of the ledger, each once however often it is interrupted.
//!
//! What has been sent is written down after every part. Between the two a crash or a lost answer leaves copies that are
//! stored and not counted: so before anything is sent at the start, and after everything that did not go well, the target
//! is read behind the last copy that is counted, and what is found there is not sent again. What arrives even later, out of
//! a connection that was lost, the stream recognises by its id.

use std::collections::HashSet;
use std::time::Duration;

use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::backoff;
use super::publish::outgoing;
use super::task::Clock;
use crate::{
    jetstream::{ATOMIC_MOST, CopyPublisher, Outcome, OutgoingEvent, ProbeError, Reason, StreamFacts},
    store::{LeaderLease, Ledger, LedgerRow, Replay, ReplayState, SelectedPage, StoreError},
    telemetry::{causes, crash_point},
};

/// Events sent together.
const PART: u64 = ATOMIC_MOST as u64;
/// A replay that is slowed down sends this often.
const BEAT: Duration = Duration::from_millis(100);
/// How often the lock is confirmed.
const LOCK_CHECK: Duration = Duration::from_secs(1);

/// What a replay works with.
pub struct ReplayParts {
    /// Where the events are.
    pub ledger: Ledger,
    /// Where the copies go.
    pub publisher: CopyPublisher,
    /// What time it is.
    pub now: Clock,
    /// Says that nobody else replays.
    pub lock: LeaderLease,
    /// Cancelled to interrupt it.
    pub stop: CancellationToken,
}

/// How a run ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReplayEnd {
    /// Everything has been sent.
    Done,
    /// It was interrupted; another run goes on where this one was.
    Stopped,
}

/// Runs a replay until it is done or interrupted, and tells `observe` after every part. Outages of NATS are waited out.
///
/// # Errors
///
/// [`StoreError`] when the database fails, or the lock is lost with it. Another run goes on where this one was.
pub async fn replay(
    parts: &mut ReplayParts,
    replay: &mut Replay,
    observe: &mut (dyn FnMut(&Replay) + Send),
) -> Result<ReplayEnd, StoreError> {
    let rest = replay.progress.rest;
    if replay.total.is_none() {
        replay.total = Some(parts.ledger.count_selected(&replay.selection, rest).await?);
    }
    replay.state = ReplayState::Running;
    save(parts, replay, observe).await?;
    let mut run = Run {
        pace: Pace::new(replay.rate),
        stored: HashSet::new(),
        facts: None,
        failures: 0,
        confirmed: Instant::now(),
        ahead: None,
    };
    while !replay.progress.rest.is_empty() {
        if parts.stop.is_cancelled() {
            return Ok(ReplayEnd::Stopped);
        }
        run.step(parts, replay, observe).await?;
    }
    replay.state = ReplayState::Done;
    replay.trouble = None;
    save(parts, replay, observe).await?;
    Ok(ReplayEnd::Done)
}

async fn save(
    parts: &ReplayParts,
    replay: &mut Replay,
    observe: &mut (dyn FnMut(&Replay) + Send),
) -> Result<(), StoreError> {
    replay.updated_at = (parts.now)();
    parts.ledger.save_replay_progress(replay, replay.updated_at).await?;
    observe(replay);
    Ok(())
}

struct Run {
    pace: Pace,
    /// Copies that the target has and that are not counted.
    stored: HashSet<Uuid>,
    /// The target, while nothing about it is in doubt.
    facts: Option<StreamFacts>,
    failures: u32,
    confirmed: Instant,
    /// The part after the one that is being sent.
    ahead: Option<SelectedPage>,
}

impl Run {
    /// Sends one part, or waits for a better time.
    async fn step(
        &mut self,
        parts: &mut ReplayParts,
        replay: &mut Replay,
        observe: &mut (dyn FnMut(&Replay) + Send),
    ) -> Result<(), StoreError> {
        if self.confirmed.elapsed() >= LOCK_CHECK {
            parts.lock.check().await?;
            self.confirmed = Instant::now();
        }
        let facts = match &self.facts {
            Some(facts) => facts.clone(),
            None => match self.look(parts, replay).await {
                Ok(facts) => facts,
                Err(error) => return self.wait(parts, replay, observe, causes(&error).to_string()).await,
            },
        };
        let limit = self.pace.part();
        let page = match self.ahead.take() {
            Some(page) => page,
            None => {
                parts
                    .ledger
                    .selected(&replay.selection, replay.progress.rest, limit)
                    .await?
            }
        };
        let part = Part::of(page.rows, &mut self.stored);
        let read_ahead = async {
            if page.rest.is_empty() {
                return Ok(None);
            }
            parts
                .ledger
                .selected(&replay.selection, page.rest, limit)
                .await
                .map(Some)
        };
        let (outcomes, ahead) = tokio::join!(parts.publisher.publish(&part.events, &facts), read_ahead);
        crash_point::reach("after_replay_before_progress");
        let sent = part.count(&outcomes);
        replay.progress.sent += sent.copies;
        replay.progress.refused += sent.refused;
        replay.progress.target_seq = replay.progress.target_seq.max(sent.target_seq);
        if let Some(reason) = sent.failure {
            replay.progress.rest.after = sent.through.unwrap_or(replay.progress.rest.after);
            self.facts = None;
            return self.wait(parts, replay, observe, reason.to_string()).await;
        }
        self.ahead = ahead?;
        self.failures = 0;
        replay.progress.rest = page.rest;
        replay.trouble = None;
        save(parts, replay, observe).await?;
        self.pace.rest(sent.copies, &parts.stop).await;
        Ok(())
    }

    /// Finds out what the target has that is not counted.
    async fn look(&mut self, parts: &ReplayParts, replay: &Replay) -> Result<StreamFacts, ProbeError> {
        let copied = parts.publisher.copied(replay.progress.target_seq).await?;
        self.stored = copied.events;
        self.ahead = None;
        self.facts = Some(copied.facts.clone());
        Ok(copied.facts)
    }

    /// Says what is wrong, and waits longer each time.
    async fn wait(
        &mut self,
        parts: &ReplayParts,
        replay: &mut Replay,
        observe: &mut (dyn FnMut(&Replay) + Send),
        trouble: String,
    ) -> Result<(), StoreError> {
        tracing::warn!(
            replay = replay.name,
            trouble,
            "a replay does not get on; it is tried again"
        );
        self.failures = self.failures.saturating_add(1);
        replay.trouble = Some(trouble);
        save(parts, replay, observe).await?;
        tokio::select! {
            () = tokio::time::sleep(backoff::pause(self.failures, 0)) => {}
            () = parts.stop.cancelled() => {}
        }
        Ok(())
    }
}

/// Events that go out together, and those between them that need not.
struct Part {
    /// Each event's place in the ledger, and whether it is sent.
    rows: Vec<(i64, bool)>,
    events: Vec<OutgoingEvent>,
}

/// What became of a part.
#[derive(Default)]
struct Sent {
    copies: u64,
    refused: u64,
    target_seq: u64,
    /// Up to here in the ledger everything is dealt with.
    through: Option<i64>,
    /// Why not everything is.
    failure: Option<Reason>,
}

impl Part {
    fn of(rows: Vec<LedgerRow>, stored: &mut HashSet<Uuid>) -> Self {
        let mut part = Self {
            rows: Vec::with_capacity(rows.len()),
            events: Vec::with_capacity(rows.len()),
        };
        for row in rows {
            let send = !stored.remove(&row.id);
            part.rows.push((row.seq, send));
            if send {
                part.events.push(outgoing(row).1);
            }
        }
        part
    }

    /// Counts up to the first event that is not dealt with.
    fn count(&self, outcomes: &[Outcome]) -> Sent {
        let mut sent = Sent::default();
        let mut outcomes = outcomes.iter();
        for (seq, send) in &self.rows {
            let outcome = if *send { outcomes.next() } else { None };
            match outcome {
                None => sent.copies += 1,
                Some(Outcome::Acked { stream_seq, .. }) => {
                    sent.copies += 1;
                    sent.target_seq = sent.target_seq.max(*stream_seq);
                }
                Some(Outcome::Parked(reason)) => {
                    tracing::error!(seq, %reason, "a copy that the target will never take is left out");
                    sent.refused += 1;
                }
                Some(Outcome::Unknown(reason) | Outcome::Retry(reason)) => {
                    sent.failure = Some(reason.clone());
                    return sent;
                }
            }
            sent.through = Some(*seq);
        }
        sent
    }
}

/// Keeps a replay from sending more than so many events a second.
struct Pace {
    rate: Option<u32>,
    next: Instant,
}

impl Pace {
    fn new(rate: Option<u32>) -> Self {
        Self {
            rate,
            next: Instant::now(),
        }
    }

    /// How many events may go together.
    fn part(&self) -> u64 {
        self.rate.map_or(PART, |rate| (u64::from(rate) / 10).clamp(1, PART))
    }

    /// Waits until what was sent has had its time. Time that was lost is not made up for.
    async fn rest(&mut self, sent: u64, stop: &CancellationToken) {
        let Some(rate) = self.rate else { return };
        let sent = u32::try_from(sent).unwrap_or(u32::MAX);
        let now = Instant::now();
        let earliest = now.checked_sub(BEAT).unwrap_or(now);
        self.next = self.next.max(earliest) + Duration::from_secs(1) * sent / rate.max(1);
        tokio::select! {
            () = tokio::time::sleep_until(self.next) => {}
            () = stop.cancelled() => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_not_acknowledged_ends_the_count() {
        let part = Part {
            rows: vec![(1, true), (2, false), (5, true), (7, true), (8, true)],
            events: Vec::new(),
        };
        let acked = |stream_seq| Outcome::Acked {
            stream_seq,
            duplicate: false,
        };
        let all = part.count(&[acked(3), Outcome::Parked(Reason::NotSent), acked(4), acked(6)]);
        assert_eq!(
            (all.copies, all.refused, all.target_seq, all.through),
            (4, 1, 6, Some(8))
        );
        assert_eq!(all.failure, None);
        // A copy behind the hole is stored, but the next look finds it: it must not move the place to look from.
        let hole = part.count(&[acked(3), Outcome::Unknown(Reason::AckTimeout), acked(4), acked(5)]);
        assert_eq!((hole.copies, hole.target_seq, hole.through), (2, 3, Some(2)));
        assert_eq!(hole.failure, Some(Reason::AckTimeout));
    }
}
