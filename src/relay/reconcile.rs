//! Makes the ledger and the stream agree before anything is published: on start, after every reconnect, after every
//! publish whose outcome is not known, and when the stream is another one or shorter than it was.
//!
//! Two directions. **Adopt**: unpublished rows that the stream has (published, but the acknowledgement was not seen or
//! not settled) are settled with the sequence where they are found. They can only be at the end of the stream, behind
//! what was acknowledged last or shortly before it. **Reopen**: acknowledged rows that the stream has lost are made
//! unpublished. Adopting comes first, and both can be interrupted anywhere: the next run finds the rest.

use std::collections::HashMap;

use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use time::OffsetDateTime;
use uuid::Uuid;

use super::compare::{AGREEMENT, Extent, PublishState, Search, judge_message};
use crate::{
    jetstream::{ATOMIC_MOST, EventPublisher, ProbeError, Stored, StreamFacts},
    store::{AckedRow, Ledger, StoreError, StreamAck},
};

/// How many messages are read at once.
const PROBES: usize = 64;
/// How many acknowledged rows are read at once, after a first look at the last few.
const PAGE: u64 = 1000;
/// How many rows are reopened at once.
const REOPEN: usize = 1000;
/// How many unpublished rows are looked for: two batches can have been stored and not settled, and as many rows again may
/// have been committed late, before them.
const CANDIDATES: u64 = 4 * ATOMIC_MOST as u64;
/// How far before the last acknowledged message one of the same call may be whose acknowledgement was not seen.
const REACH_BACK: u64 = ATOMIC_MOST as u64;
/// The most messages read at the end of a stream of which the ledger knows nothing.
const LONGEST_TAIL: u64 = 20_000;

/// What a run found and did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    /// The stream that was compared.
    pub facts: StreamFacts,
    /// Rows that the stream had lost and that will be published again.
    pub reopened: u64,
    /// Rows that were found in the stream and are settled now.
    pub adopted: u64,
    /// The highest sequence that holds what the ledger says.
    pub in_place: u64,
}

/// Why a run could not finish. It changed nothing that is wrong.
#[derive(Debug, thiserror::Error)]
pub enum ReconcileError {
    /// The stream's state is not known.
    #[error("the stream's state cannot be read")]
    Position(#[source] ProbeError),
    /// A message of the stream could not be read.
    #[error("the stream's messages cannot be read")]
    Message(#[from] ProbeError),
    /// The ledger could not be read or written.
    #[error("the ledger cannot be read or written")]
    Ledger(#[from] StoreError),
}

/// Compares, adopts, reopens.
///
/// # Errors
///
/// [`ReconcileError`]: run it again.
pub async fn reconcile<P: EventPublisher>(
    ledger: &Ledger,
    publisher: &P,
    now: OffsetDateTime,
) -> Result<Report, ReconcileError> {
    let facts = publisher.position().await.map_err(ReconcileError::Position)?;
    let run = Run {
        ledger,
        publisher,
        extent: Extent::new(&facts, now),
        facts,
    };
    let mut search = run.search().await?;
    let adopted = run.adopt(search.in_place(), now).await?;
    let reopened = run.reopen(&search.take_lost()).await?;
    let in_place = search.in_place().max(adopted.highest);
    Ok(Report {
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
    highest: Option<u64>,
}

impl<P: EventPublisher> Run<'_, P> {
    /// Compares acknowledged rows with the stream, from the highest sequence down.
    async fn search(&self) -> Result<Search, ReconcileError> {
        let most = self
            .facts
            .max_msgs
            .and_then(|most| usize::try_from(most).ok())
            .unwrap_or(usize::MAX);
        let mut search = Search::default();
        let mut pages = Pages::new(self.ledger);
        while let Some(page) = pages.next().await? {
            let standings = self.standings(&page).await?;
            for (row, standing) in page.iter().zip(standings) {
                // Below the stream's first sequence everything has expired, and of more rows than the stream holds
                // the first would be discarded by the last.
                let ends = search.take(row, standing) || self.extent.ends_above(row) || search.lost() >= most;
                if ends {
                    return Ok(search);
                }
            }
        }
        Ok(search)
    }

    async fn standings(&self, rows: &[AckedRow]) -> Result<Vec<PublishState>, ProbeError> {
        let judged: Vec<(AckedRow, Option<PublishState>)> =
            rows.iter().map(|row| (row.clone(), self.extent.judge(row))).collect();
        let judge = |(row, standing): (AckedRow, Option<PublishState>)| async move {
            match standing {
                Some(standing) => Ok(standing),
                None => {
                    let stored = self.publisher.message_at(row.stream_seq.unsigned_abs()).await?;
                    Ok(judge_message(&row, stored))
                }
            }
        };
        stream::iter(judged).map(judge).buffered(PROBES).try_collect().await
    }

    async fn reopen(&self, lost: &[i64]) -> Result<u64, StoreError> {
        let mut reopened = 0;
        for seqs in lost.chunks(REOPEN) {
            reopened += self.ledger.reopen(seqs).await?;
        }
        Ok(reopened)
    }

    /// Settles the unpublished rows that are found at the end of the stream.
    async fn adopt(&self, in_place: Option<u64>, now: OffsetDateTime) -> Result<Adopted, ReconcileError> {
        let unpublished = self.ledger.unpublished(CANDIDATES).await?;
        let candidates: HashMap<Uuid, i64> = unpublished.into_iter().map(|row| (row.id, row.seq)).collect();
        if candidates.is_empty() {
            return Ok(Adopted::default());
        }
        let found = self.tail(in_place, &candidates).await?;
        self.ledger.store_acks(&found, now).await?;
        Ok(Adopted {
            rows: u64::try_from(found.len()).unwrap_or(u64::MAX),
            highest: found.iter().map(|settled| settled.stream_seq.unsigned_abs()).max(),
        })
    }

    /// The candidates that the end of the stream holds.
    async fn tail(&self, in_place: Option<u64>, candidates: &HashMap<Uuid, i64>) -> Result<Vec<StreamAck>, ProbeError> {
        let last = self.facts.last_seq;
        let from = in_place
            .unwrap_or_default()
            .saturating_sub(REACH_BACK)
            .max(self.facts.first_seq)
            .max(1);
        let reached = last.saturating_sub(LONGEST_TAIL);
        if from < reached {
            tracing::warn!(
                last,
                from,
                reached,
                "the ledger does not know the end of the stream; a part of it is read"
            );
        }
        let found = stream::iter(from.max(reached)..=last)
            .map(|seq| async move { (seq, self.publisher.message_at(seq).await) })
            .buffered(PROBES)
            .map(|(seq, stored)| {
                let row = match stored? {
                    Stored::Event(id) => candidates.get(&id),
                    Stored::Nothing | Stored::Other => None,
                };
                Ok(row.map(|row| StreamAck {
                    seq: *row,
                    stream_seq: i64::try_from(seq).unwrap_or(i64::MAX),
                }))
            });
        let found: Vec<Option<StreamAck>> = found.try_collect().await?;
        Ok(found.into_iter().flatten().collect())
    }
}

/// The acknowledged rows, from the highest sequence down.
struct Pages<'a> {
    ledger: &'a Ledger,
    before: Option<i64>,
    limit: u64,
    /// The rows of the last sequence of the last page. A sequence that the stream has given twice has two rows, and
    /// the page may have ended between them: so the next page begins with that sequence again.
    edge: Vec<i64>,
    done: bool,
}

impl<'a> Pages<'a> {
    fn new(ledger: &'a Ledger) -> Self {
        Self {
            ledger,
            before: None,
            limit: AGREEMENT as u64,
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
        let edge = page
            .iter()
            .filter(|row| Some(row.stream_seq) == lowest)
            .map(|row| row.seq)
            .collect();
        page.retain(|row| !self.edge.contains(&row.seq));
        // A page of nothing but rows seen before is stepped over.
        let again = i64::from(!page.is_empty());
        self.before = lowest.map(|seq| seq.saturating_add(again));
        self.edge = edge;
        self.limit = PAGE;
        Ok(Some(page))
    }
}
