//! What the leader knows, and one step of its work. It is forgotten with the lease.

use tokio::sync::watch;
use tokio::time::{Duration, Instant};
use uuid::Uuid;

use super::batch::Lessons;
use super::copies::CopyRequest;
use super::drain::{Drain, Drained, Rows};
use super::pacing::Pacing;
use super::trouble::{Trouble, show_behind};
use crate::relay::parts::RelayParts;
use crate::relay::place::cursor::Place;
use crate::relay::place::position::PositionWriter;
use crate::relay::place::resume::resume;
use crate::relay::place::tail::TailError;
use crate::{
    domain::ids::{LedgerSeq, StreamSeq},
    jetstream::{Failure, NatsStatus, StreamFacts, StreamState, may_be_unrouted},
    store::{LeaderLease, StoreError},
    telemetry::{SeededBug, error_chain},
};

/// How far behind an earlier stream one that replaces it begins: more than what may be in flight.
const CREATION_GAP: u64 = 10_001;
/// The reason why a large backlog is published slowly.
const PACED: &str = "consumers";
/// Refused for so long by messages of others alone, the stream is shared.
const MAX_SHARED: Duration = Duration::from_secs(5);

/// Of what others call themselves, so much is reported.
const MAX_SOURCE_CHARS: usize = 200;

/// What comes after a step.
#[derive(Debug, PartialEq, Eq)]
pub(in crate::relay) enum Step {
    /// There may be further rows.
    More,
    /// No rows are left, after so many.
    CaughtUp(usize),
    /// A running transaction may still add an event before the next one.
    Blocked,
    /// There is no usable stream now.
    NotReady,
    /// Wait before a retry, longer after more failures.
    Failed(u32),
}

/// Others have published into the stream and this instance has not.
struct Others {
    since: Instant,
    /// What one of them calls itself.
    source: String,
}

pub(in crate::relay) struct Leader {
    pub(in crate::relay) lease: LeaderLease,
    ledger: Option<Uuid>,
    place: Option<Place>,
    /// The place as it was before a failure on this connection.
    before: Option<Place>,
    position: PositionWriter,
    lessons: Lessons,
    /// The connection that the place and the lessons belong to.
    connection: u64,
    creation: Option<StreamSeq>,
    failures: u32,
    others: Option<Others>,
    trouble: Trouble,
    pacing: Pacing,
    /// Whether many rows may wait: nothing is known yet, or the last run did not reach the end.
    may_be_far_behind: bool,
    request: Option<CopyRequest>,
}

impl Leader {
    pub(in crate::relay) fn new(lease: LeaderLease) -> Self {
        Self {
            lease,
            ledger: None,
            place: None,
            before: None,
            position: PositionWriter::default(),
            lessons: Lessons::default(),
            connection: 0,
            creation: None,
            failures: 0,
            others: None,
            trouble: Trouble::default(),
            pacing: Pacing::default(),
            may_be_far_behind: true,
            request: None,
        }
    }

    /// Find the place if it is not known, and publish for a while.
    pub(in crate::relay) async fn step(
        &mut self,
        parts: &mut RelayParts,
        nats: &watch::Receiver<NatsStatus>,
    ) -> Result<Step, StoreError> {
        let (connection, stream) = {
            let status = nats.borrow();
            (status.connections, status.ready().cloned().ok_or_else(|| status.stream.clone()))
        };
        let facts = match stream {
            Ok(facts) => facts,
            Err(stream) => return self.without_stream(parts, &stream).await,
        };
        self.allow_creation(parts, None);
        if self.connection != connection {
            self.connection = connection;
            self.lessons = Lessons::default();
            self.place = None;
            self.before = None;
        }
        if self.place.as_ref().is_some_and(|place| place.created != facts.created) {
            self.place = None;
        }
        if self.place.is_none()
            && let Some(step) = self.find_place(parts).await?
        {
            return Ok(step);
        }
        if let Ok(request) = parts.copies.try_recv() {
            self.request = Some(request);
        }
        if let Some(request) = self.request.take() {
            self.publish_copies(&facts, request).await?;
            return Ok(Step::More);
        }
        self.drain(parts, facts).await
    }

    async fn drain(&mut self, parts: &RelayParts, facts: StreamFacts) -> Result<Step, StoreError> {
        let (Some(place), Some(ledger)) = (&mut self.place, self.ledger) else {
            return Ok(Step::More);
        };
        let allowance = if self.may_be_far_behind {
            self.pacing.allowance(parts, &self.lease, place, &facts).await?
        } else {
            None
        };
        let before = place.cursor;
        let rows = Rows {
            parts,
            lease: &mut self.lease,
            ledger,
            facts,
            lessons: &self.lessons,
        };
        let drain = Drain { rows, place, position: &mut self.position, allowance };
        let drained = drain.run().await?;
        self.may_be_far_behind = matches!(drained, Drained::TimeUp);
        if place.cursor > before {
            self.failures = 0;
            self.others = None;
            self.trouble.clear_unless(parts, PACED);
        }
        Ok(match drained {
            Drained::CaughtUp(rows) => {
                self.others = None;
                self.trouble.clear(parts);
                self.pacing.caught_up();
                Step::CaughtUp(rows)
            }
            Drained::TimeUp => {
                self.report_paced(parts);
                Step::More
            }
            Drained::Blocked => {
                self.report_blocked(parts).await?;
                Step::Blocked
            }
            Drained::Failed { failure, event, through } => self.failed(parts, failure, event, through),
        })
    }

    /// Learn from a failure. The end of the stream is read before anything is sent again.
    fn failed(&mut self, parts: &RelayParts, failure: Failure, event: Option<LedgerSeq>, through: LedgerSeq) -> Step {
        self.before = self.place.take();
        self.may_be_far_behind = true;
        match failure {
            Failure::Denied(ref subject) if may_be_unrouted(subject) && self.lessons.deny(subject) => {
                return Step::More;
            }
            Failure::Batch(reason) => {
                tracing::debug!(reason, "batch refused; sending its events singly");
                self.lessons.singly_through = through;
                return Step::More;
            }
            Failure::TooLarge if self.lessons.too_large != event => {
                self.lessons.too_large = event;
                return Step::More;
            }
            // Whoever has published is seen when the end is read. Refused again without progress,
            // it waits as after any other failure.
            Failure::Fenced if self.failures == 0 => {
                self.failures = 1;
                return Step::More;
            }
            _ => {}
        }
        self.failures = self.failures.saturating_add(1);
        let others = self.others.as_ref().filter(|others| others.since.elapsed() > MAX_SHARED);
        if let (Some(Others { source, .. }), Failure::Fenced) = (others, &failure) {
            let text =
                format!("others publish into the stream (ce-source: {source}); two deployments need two streams");
            self.trouble.raise(parts, "stream_shared", &text);
        } else {
            self.trouble.raise(parts, failure.code(), &failure.to_string());
        }
        Step::Failed(self.failures)
    }

    /// Read the end of the stream. `None`: the place is known.
    async fn find_place(&mut self, parts: &RelayParts) -> Result<Option<Step>, StoreError> {
        let ledger = match self.ledger {
            Some(ledger) => ledger,
            None => *self.ledger.insert(self.lease.ledger_id().await?),
        };
        parts.metrics.relay_resumes.inc();
        let work = resume(parts, &self.lease, ledger, self.before.clone());
        let error = match self.lease.keep(work).await? {
            Ok(resumed) => {
                show_behind(parts, None);
                parts.metrics.stream_foreign_messages.inc_by(resumed.foreign);
                if resumed.foreign > 0 {
                    let source = resumed.foreign_source.unwrap_or_else(|| "unknown".to_owned());
                    let source = source.chars().take(MAX_SOURCE_CHARS).collect();
                    self.others.get_or_insert_with(|| Others { since: Instant::now(), source });
                }
                self.place = Some(resumed.place);
                self.may_be_far_behind = true;
                return Ok(None);
            }
            Err(TailError::Ledger(error)) => return Err(error),
            Err(error) => error,
        };
        let reason = match &error {
            TailError::Stream(_) | TailError::Ledger(_) => "stream_not_read",
            TailError::LedgerBehind { .. } | TailError::SequenceBehind { .. } => "ledger_behind",
        };
        let text = error_chain(&error).to_string();
        show_behind(parts, (reason == "ledger_behind").then_some(&text));
        self.failures = self.failures.saturating_add(1);
        self.trouble.raise(parts, reason, &text);
        Ok(Some(Step::Failed(self.failures)))
    }

    async fn without_stream(&mut self, parts: &RelayParts, stream: &StreamState) -> Result<Step, StoreError> {
        if *stream == StreamState::Missing {
            let position = self.lease.position().await?;
            let used = position.map(|position| position.stream_seq);
            let known = self.place.as_ref().or(self.before.as_ref());
            let used = used.max(known.map(|place| place.fence));
            let used = used.filter(|_| !SeededBug::FirstSeqReused.is_active());
            let first = used.map_or(1.into(), |used| used.saturating_add(CREATION_GAP));
            self.allow_creation(parts, Some(first));
        }
        Ok(Step::NotReady)
    }

    fn allow_creation(&mut self, parts: &RelayParts, first: Option<StreamSeq>) {
        if self.creation != first {
            self.creation = first;
            parts.publisher.allow_creation(first);
        }
    }

    /// Report which consumer a large backlog waits for: events go out as it reads.
    fn report_paced(&mut self, parts: &RelayParts) {
        match self.pacing.waits_for() {
            Some(durable) => {
                let text = format!(
                    "more events wait than the stream holds; they are published as the durable consumer {durable} reads"
                );
                self.trouble.raise(parts, PACED, &text);
            }
            None => self.trouble.end(parts, PACED),
        }
    }

    async fn report_blocked(&mut self, parts: &RelayParts) -> Result<(), StoreError> {
        let writers = self.lease.writers().await?;
        let text = format!("a transaction that may add an event is open: {}", writers.join(", "));
        self.trouble.raise(parts, "transaction", &text);
        Ok(())
    }

    async fn publish_copies(&mut self, facts: &StreamFacts, request: CopyRequest) -> Result<(), StoreError> {
        let CopyRequest { publisher, events, answer } = request;
        let Some(place) = &mut self.place else { return Ok(()) };
        let published = self.lease.keep(publisher.publish(&events, place.fence, facts)).await?;
        let result = match published.failure {
            None => {
                let messages = u64::try_from(events.len()).unwrap_or(u64::MAX);
                let last_id = events.last().map(|event| publisher.message_id(event));
                place.advance(place.cursor, messages, last_id);
                Ok(place.fence)
            }
            Some(failure) => {
                self.before = self.place.take();
                Err(failure.to_string())
            }
        };
        // Whoever asked may have stopped.
        let _ = answer.send(result);
        Ok(())
    }

    pub(in crate::relay) const fn has_request(&self) -> bool {
        self.request.is_some()
    }

    pub(in crate::relay) fn take_request(&mut self, request: Option<CopyRequest>) {
        self.request = request;
    }

    pub(in crate::relay) fn position_due(&self, parts: &RelayParts) -> Option<Instant> {
        self.position.due(self.place.as_ref(), parts.publisher.stream())
    }

    pub(in crate::relay) async fn write_position(&mut self, parts: &RelayParts) -> Result<(), StoreError> {
        let Some(place) = &self.place else { return Ok(()) };
        self.position.write(&self.lease, place, parts.publisher.stream(), &*parts.clock).await
    }

    /// Write the position at the end.
    pub(in crate::relay) async fn finish(mut self, parts: &RelayParts) {
        if let Err(error) = self.write_position(parts).await {
            tracing::warn!(error = %error_chain(&error), "position not written; the next leader finds it in the stream");
        }
    }

    /// Report nothing that another leader knows better.
    pub(in crate::relay) fn forget(mut self, parts: &RelayParts) {
        self.trouble.clear(parts);
        show_behind(parts, None);
    }
}
