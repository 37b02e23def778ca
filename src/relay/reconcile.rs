//! Makes the ledger and the stream agree before anything is published: on start, after every
//! reconnect, after every publish with an unknown outcome, and when the stream is another one or
//! shorter than before.
//!
//! Two directions. **Adopt**: unpublished rows that the stream has (the acknowledgement was not
//! received or not settled) are settled with the sequence where they are found. They can only be at
//! the end of the stream, after what was acknowledged last or shortly before it. **Reopen**:
//! acknowledged rows that the stream has lost become unpublished again. Adopting comes first, and
//! both can be interrupted anywhere: the next run finds the rest.

use std::collections::HashMap;

use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use time::OffsetDateTime;
use uuid::Uuid;

use super::compare::{Extent, MIN_RUN_IN_PLACE, RowState, Search, judge_message};
use crate::{
    domain::ids::{LedgerSeq, StreamSeq},
    jetstream::{EventPublisher, MAX_ATOMIC_BATCH_SIZE, ProbeError, Stored, StreamFacts},
    store::{AckedRow, Ledger, StoreError, StreamAck},
};

const MAX_PROBES_IN_FLIGHT: usize = 64;
/// Acknowledged rows, after a first page of [`MIN_RUN_IN_PLACE`].
const PAGE_SIZE: u64 = 1000;
const REOPEN_BATCH_SIZE: usize = 1000;
/// Two batches can be stored and not settled, and as many rows may have been committed late, before
/// them.
const MAX_CANDIDATES: u64 = 4 * MAX_ATOMIC_BATCH_SIZE as u64;
/// How far before the last acknowledged message one of the same call may be that is not settled.
const MAX_LOOK_BACK: u64 = MAX_ATOMIC_BATCH_SIZE as u64;
/// The most messages to read at the end of a stream that the ledger does not know.
const MAX_TAIL: u64 = 20_000;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReconcileReport {
    /// The stream that was compared.
    pub facts: StreamFacts,
    /// Rows that the stream had lost and that will be published again.
    pub reopened: u64,
    /// Rows that were found in the stream and are settled now.
    pub adopted: u64,
    /// The highest stream sequence that has the event of the ledger.
    pub in_place: StreamSeq,
}

/// Why a run could not finish. What it has changed is correct.
#[derive(Debug, thiserror::Error)]
pub enum ReconcileError {
    #[error("the stream's state cannot be read")]
    Position(#[source] ProbeError),
    #[error("the stream's messages cannot be read")]
    Message(#[from] ProbeError),
    #[error("the ledger cannot be read or written")]
    Ledger(#[from] StoreError),
}

/// Compare, adopt, reopen.
///
/// # Errors
///
/// [`ReconcileError`]: run it again.
pub async fn reconcile<P: EventPublisher>(
    ledger: &Ledger,
    publisher: &P,
    now: OffsetDateTime,
) -> Result<ReconcileReport, ReconcileError> {
    let facts = publisher.position().await.map_err(ReconcileError::Position)?;
    let run = Run { ledger, publisher, extent: Extent::new(&facts, now), facts };
    let mut search = run.search().await?;
    let adopted = run.adopt(search.in_place(), now).await?;
    let reopened = run.reopen(&search.take_lost()).await?;
    let in_place = search.in_place().max(adopted.highest);
    Ok(ReconcileReport {
        facts: run.facts,
        reopened,
        adopted: adopted.rows,
        in_place: in_place.unwrap_or_default(),
    })
}

struct Run<'a, P> {
    ledger: &'a Ledger,
    publisher: &'a P,
    extent: Extent,
    facts: StreamFacts,
}

#[derive(Default)]
struct Adopted {
    rows: u64,
    highest: Option<StreamSeq>,
}

impl<P: EventPublisher> Run<'_, P> {
    /// Compare acknowledged rows with the stream, from the highest sequence down.
    async fn search(&self) -> Result<Search, ReconcileError> {
        let max = self.facts.max_msgs.and_then(|max| usize::try_from(max).ok()).unwrap_or(usize::MAX);
        let mut search = Search::default();
        let mut pages = Pages::new(self.ledger);
        while let Some(page) = pages.next().await? {
            let row_states = self.row_states(&page).await?;
            for (row, state) in page.iter().zip(row_states) {
                // Below the first sequence of the stream all rows have expired, and if more rows
                // than the stream can have are lost, the last of them would discard the first.
                let ends = search.take(row, state) || self.extent.ends_above(row) || search.lost() >= max;
                if ends {
                    return Ok(search);
                }
            }
        }
        Ok(search)
    }

    async fn row_states(&self, rows: &[AckedRow]) -> Result<Vec<RowState>, ProbeError> {
        let judged: Vec<(AckedRow, Option<RowState>)> =
            rows.iter().map(|row| (row.clone(), self.extent.judge(row))).collect();
        let judge = |(row, state): (AckedRow, Option<RowState>)| async move {
            match state {
                Some(state) => Ok(state),
                None => {
                    let stored = self.publisher.message_at(row.stream_seq).await?;
                    Ok(judge_message(&row, stored))
                }
            }
        };
        stream::iter(judged).map(judge).buffered(MAX_PROBES_IN_FLIGHT).try_collect().await
    }

    async fn reopen(&self, lost: &[LedgerSeq]) -> Result<u64, StoreError> {
        let mut reopened = 0;
        for seqs in lost.chunks(REOPEN_BATCH_SIZE) {
            reopened += self.ledger.reopen(seqs).await?;
        }
        Ok(reopened)
    }

    /// Settle the unpublished rows that are found at the end of the stream.
    async fn adopt(&self, in_place: Option<StreamSeq>, now: OffsetDateTime) -> Result<Adopted, ReconcileError> {
        let unpublished = self.ledger.unpublished(MAX_CANDIDATES).await?;
        let candidates: HashMap<Uuid, LedgerSeq> = unpublished.into_iter().map(|row| (row.id, row.seq)).collect();
        if candidates.is_empty() {
            return Ok(Adopted::default());
        }
        let found = self.tail(in_place, &candidates).await?;
        self.ledger.store_acks(&found, now).await?;
        Ok(Adopted {
            rows: u64::try_from(found.len()).unwrap_or(u64::MAX),
            highest: found.iter().map(|settled| settled.stream_seq).max(),
        })
    }

    /// Find the candidates at the end of the stream.
    async fn tail(
        &self,
        in_place: Option<StreamSeq>,
        candidates: &HashMap<Uuid, LedgerSeq>,
    ) -> Result<Vec<StreamAck>, ProbeError> {
        let last = self.facts.last_seq.get();
        let from = in_place
            .unwrap_or_default()
            .saturating_sub(MAX_LOOK_BACK)
            .max(self.facts.first_seq)
            .get()
            .max(1);
        let lower_bound = last.saturating_sub(MAX_TAIL);
        if from < lower_bound {
            tracing::warn!(
                last,
                from,
                reached = lower_bound,
                "the ledger does not know the end of the stream; reading a part of it"
            );
        }
        let found = stream::iter(from.max(lower_bound)..=last)
            .map(StreamSeq::from)
            .map(|seq| async move { (seq, self.publisher.message_at(seq).await) })
            .buffered(MAX_PROBES_IN_FLIGHT)
            .map(|(seq, stored)| {
                let row = match stored? {
                    Stored::Event(id) => candidates.get(&id),
                    Stored::Nothing | Stored::Other => None,
                };
                Ok(row.map(|row| StreamAck { seq: *row, stream_seq: seq }))
            });
        let found: Vec<Option<StreamAck>> = found.try_collect().await?;
        Ok(found.into_iter().flatten().collect())
    }
}

/// The acknowledged rows, from the highest sequence down.
struct Pages<'a> {
    ledger: &'a Ledger,
    before: Option<StreamSeq>,
    limit: u64,
    /// The rows of the last sequence of the last page. A sequence that was assigned twice has two
    /// rows, and the page may have ended between them: so the next page begins with that sequence
    /// again.
    edge: Vec<LedgerSeq>,
    done: bool,
}

impl<'a> Pages<'a> {
    fn new(ledger: &'a Ledger) -> Self {
        Self {
            ledger,
            before: None,
            limit: MIN_RUN_IN_PLACE as u64,
            edge: Vec::new(),
            done: false,
        }
    }

    async fn next(&mut self) -> Result<Option<Vec<AckedRow>>, StoreError> {
        if self.done {
            return Ok(None);
        }
        let mut page = self.ledger.acked_page(self.before, self.limit).await?;
        self.done = u64::try_from(page.len()).is_ok_and(|rows| rows < self.limit);
        let lowest = page.last().map(|row| row.stream_seq);
        let edge = page.iter().filter(|row| Some(row.stream_seq) == lowest).map(|row| row.seq).collect();
        page.retain(|row| !self.edge.contains(&row.seq));
        // A page of rows that are all on the page before is skipped.
        let again = u64::from(!page.is_empty());
        self.before = lowest.map(|seq| seq.saturating_add(again));
        self.edge = edge;
        self.limit = PAGE_SIZE;
        Ok(Some(page))
    }
}
