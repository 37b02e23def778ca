//! The high watermark: the `seq` below which no transaction can still add a row, for readers with a
//! cursor, who must not pass it (see [`barrier`](super::barrier)). `SQLite` has one writer, so its
//! order is the order of commits.

use std::time::Duration;

use tokio::time::Instant;

use super::barrier::{self, Barrier};
use crate::domain::ids::LedgerSeq;
use crate::store::{DatabaseIdentity, Ledger, StoreError, sql};
use crate::telemetry::SeededBug;

/// How old the watermark may be while this instance commits nothing: many readers share one query.
const MAX_AGE: Duration = Duration::from_millis(20);
/// The shortest time from one query to the next: one query covers all commits in between.
const MIN_QUERY_INTERVAL: Duration = Duration::from_millis(5);

/// The longest that a list waits for transactions that began before it.
const SETTLE_TIMEOUT: Duration = Duration::from_millis(250);

/// Rows that one step reads.
const SCAN_CHUNK: usize = 1000;

/// Between two looks at which database answers.
const IDENTITY_INTERVAL: Duration = Duration::from_secs(1);

/// It only rises, in one history of the database.
#[derive(Debug, Default)]
pub(in crate::store) struct Watermark {
    /// The database that answered, and when it was asked.
    database: Option<(DatabaseIdentity, Instant)>,
    /// Everything up to here is visible.
    seq: Option<LedgerSeq>,
    /// The transactions that have to end before it rises.
    barrier: Option<Barrier>,
    last_query: Option<LastQuery>,
}

/// When the last query began, and how many commits of this instance it saw for certain.
#[derive(Debug, Clone, Copy)]
struct LastQuery {
    at: Instant,
    commits: u64,
}

impl Ledger {
    /// The `seq` up to which every event is visible. It falls only when another database answers,
    /// as after a failover that has lost commits. The first call of an instance waits for the
    /// running transactions.
    pub async fn high_watermark(&self) -> Result<LedgerSeq, StoreError> {
        let mut watermark = self.store().0.watermark.lock().await;
        if !watermark.last_query.is_some_and(|last_query| last_query.is_fresh(self.own_commits())) {
            if let Some(last_query) = watermark.last_query {
                tokio::time::sleep_until(last_query.at + MIN_QUERY_INTERVAL).await;
            }
            let commits = self.own_commits();
            watermark.advance(self).await?;
            watermark.last_query = Some(LastQuery { at: Instant::now(), commits });
        }
        // The first time there is no value to fall back to. Callers that wait for the lock share
        // the result.
        loop {
            if let Some(seq) = watermark.seq {
                return Ok(seq);
            }
            tokio::time::sleep(MAX_AGE).await;
            watermark.advance(self).await?;
        }
    }

    /// The high watermark, once it covers everything that is visible now. A transaction that stays
    /// open holds it back, and is waited for at most [`SETTLE_TIMEOUT`].
    pub async fn settled(&self) -> Result<LedgerSeq, StoreError> {
        let visible = self.highest().await?;
        let deadline = Instant::now() + SETTLE_TIMEOUT;
        loop {
            let high_watermark = self.high_watermark().await?;
            if high_watermark >= visible || Instant::now() >= deadline {
                return Ok(high_watermark);
            }
            tokio::time::sleep(MIN_QUERY_INTERVAL).await;
        }
    }

    fn own_commits(&self) -> u64 {
        *self.store().0.commits.borrow()
    }

    /// The highest visible `seq`; the default when there is none.
    pub(in crate::store) async fn highest(&self) -> Result<LedgerSeq, StoreError> {
        barrier::highest(self.store().db()).await
    }

    /// The next visible ledger sequences after `seq`.
    async fn following(&self, seq: LedgerSeq) -> Result<Vec<LedgerSeq>, StoreError> {
        let following = format!("SELECT seq FROM events WHERE seq > $1 ORDER BY seq LIMIT {SCAN_CHUNK}");
        let rows = sql::fetch_all(self.store().db(), following, [seq.into()]).await?;
        rows.iter().map(|row| row.get("seq")).collect()
    }
}

impl LastQuery {
    fn is_fresh(self, commits: u64) -> bool {
        self.commits == commits && self.at.elapsed() < MAX_AGE
    }
}

impl Watermark {
    async fn advance(&mut self, ledger: &Ledger) -> Result<(), StoreError> {
        if ledger.store().is_sqlite() {
            self.reach(ledger.highest().await?);
            return Ok(());
        }
        self.notice_failover(ledger).await?;
        self.lift_barrier(ledger).await?;
        if self.seq.is_some() && !self.follow(ledger).await? {
            return Ok(());
        }
        if self.barrier.is_none() {
            self.barrier = Some(Barrier::raise(ledger.store().db()).await?);
            self.lift_barrier(ledger).await?;
        }
        Ok(())
    }

    /// Forget everything when another database answers, or another history of this one.
    async fn notice_failover(&mut self, ledger: &Ledger) -> Result<(), StoreError> {
        let is_kept = SeededBug::WatermarkKept.is_active();
        if self.database.is_some_and(|(_, at)| is_kept || at.elapsed() < IDENTITY_INTERVAL) {
            return Ok(());
        }
        let found = ledger.store().database_identity().await?;
        if self.database.is_some_and(|(before, _)| before != found) {
            tracing::warn!("another database answers, as after a failover; reading the end of the ledger again");
            *self = Self::default();
            *ledger.store().0.latest.lock().await = None;
        }
        self.database = Some((found, Instant::now()));
        Ok(())
    }

    /// Rise up to the first gap; true when there is one.
    async fn follow(&mut self, ledger: &Ledger) -> Result<bool, StoreError> {
        loop {
            let seq = self.seq.unwrap_or_default();
            let seqs = ledger.following(seq).await?;
            let unbroken = seqs.iter().zip(seq.get() + 1..).take_while(|(seq, next)| seq.get() == *next).count();
            if let Some(last) = unbroken.checked_sub(1).and_then(|at| seqs.get(at)) {
                self.reach(*last);
            }
            if unbroken < seqs.len() {
                return Ok(true);
            }
            if seqs.len() < SCAN_CHUNK {
                return Ok(false);
            }
        }
    }

    /// Rise to the barrier, once all of its writers have ended.
    async fn lift_barrier(&mut self, ledger: &Ledger) -> Result<(), StoreError> {
        let Some(barrier) = &mut self.barrier else {
            return Ok(());
        };
        if barrier.is_lifted(ledger.store().db()).await? {
            let up_to = barrier.up_to;
            self.barrier = None;
            self.reach(up_to);
        }
        Ok(())
    }

    fn reach(&mut self, seq: LedgerSeq) {
        self.seq = Some(self.seq.unwrap_or_default().max(seq));
    }
}
