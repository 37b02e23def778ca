//! Proof that no transaction can still add an event below a place.
//!
//! On `PostgreSQL` a transaction takes its `seq` before it commits, so a lower one can appear after
//! a higher one. Two facts prove that nothing is missing (ADR 0012): there is no gap, or every
//! transaction that could fill the gap has ended. Such a transaction holds a write lock on `events`
//! from before it takes its `seq` until after its commit is visible.

use std::collections::HashSet;

use sea_orm::ConnectionTrait;

use crate::domain::ids::LedgerSeq;
use crate::store::{StoreError, sql};

/// The transactions that may be about to add an event. `pg_locks` shows the locks of this database
/// only by its oid.
const WRITERS: &str = "FROM pg_locks AS held \
     WHERE locktype = 'relation' AND relation = 'events'::regclass AND mode = 'RowExclusiveLock' AND granted \
     AND database = (SELECT oid FROM pg_database WHERE datname = current_database())";

/// How an operator finds a writer: a backend by its pid, a prepared transaction by its gid.
const WRITER_NAME: &str = "CASE WHEN held.pid IS NOT NULL THEN 'pid ' || held.pid \
     ELSE 'prepared transaction ' || coalesce((SELECT gid FROM pg_prepared_xacts \
     WHERE transaction::text = split_part(held.virtualtransaction, '/', 2)), held.virtualtransaction) END";

/// The writers that were active after `up_to` was visible.
#[derive(Debug)]
pub(super) struct Barrier {
    pub(super) up_to: LedgerSeq,
    writers: HashSet<String>,
}

impl Barrier {
    /// Raise it at the present end of the ledger.
    pub(super) async fn raise(db: &impl ConnectionTrait) -> Result<Self, StoreError> {
        // In this order: a transaction that is not among the writers afterwards can add nothing
        // below what was visible before.
        let up_to = highest(db).await?;
        let writers = writers(db, "virtualtransaction").await?.into_iter().collect();
        Ok(Self { up_to, writers })
    }

    /// Whether all of its writers have ended.
    pub(super) async fn is_lifted(&mut self, db: &impl ConnectionTrait) -> Result<bool, StoreError> {
        if !self.writers.is_empty() {
            let running: HashSet<String> = writers(db, "virtualtransaction").await?.into_iter().collect();
            self.writers.retain(|writer| running.contains(writer));
        }
        Ok(self.writers.is_empty())
    }
}

/// The highest visible `seq`; the default when there is none.
pub(super) async fn highest(db: &impl ConnectionTrait) -> Result<LedgerSeq, StoreError> {
    let row = sql::fetch_one(db, "SELECT seq FROM events ORDER BY seq DESC LIMIT 1", []).await?;
    row.map_or_else(|| Ok(LedgerSeq::default()), |row| row.get("seq"))
}

/// The names of the present writers, for operators.
pub(super) async fn writer_names(db: &impl ConnectionTrait) -> Result<Vec<String>, StoreError> {
    writers(db, WRITER_NAME).await
}

async fn writers(db: &impl ConnectionTrait, what: &str) -> Result<Vec<String>, StoreError> {
    let rows = sql::fetch_all(db, format!("SELECT {what} AS writer {WRITERS}"), []).await?;
    rows.iter().map(|row| row.get("writer")).collect()
}
