//! Which rows are decided, for the leader, who goes through the ledger once and in its order.

use sea_orm::{ConnectionTrait, DbBackend};

use super::barrier::Barrier;
use crate::domain::ids::LedgerSeq;
use crate::store::StoreError;

/// A row is decided when nothing can appear before it. Rows without a gap need no question; a gap
/// costs one or two to `pg_locks`.
#[derive(Debug, Default)]
pub(in crate::store) struct Decided {
    /// Everything up to here is decided.
    through: LedgerSeq,
    barrier: Option<Barrier>,
}

impl Decided {
    /// Count the decided ones among `seqs`, which follow `after` and were read after the last call
    /// of [`ask`](Self::ask).
    pub(in crate::store) fn count(&self, after: LedgerSeq, seqs: impl Iterator<Item = LedgerSeq>) -> usize {
        let mut before = after;
        seqs.take_while(|seq| {
            let follows = *seq <= self.through || *seq == before.saturating_add(1);
            before = *seq;
            follows
        })
        .count()
    }

    /// Ask whether the transactions that could fill a gap have ended. True: read again.
    pub(in crate::store) async fn ask(&mut self, db: &impl ConnectionTrait) -> Result<bool, StoreError> {
        let mut barrier = match self.barrier.take() {
            Some(barrier) => barrier,
            None => Barrier::raise(db).await?,
        };
        if barrier.is_lifted(db).await? {
            self.through = self.through.max(barrier.up_to);
            return Ok(true);
        }
        self.barrier = Some(barrier);
        Ok(false)
    }

    /// On `SQLite`, whose one writer commits in the order of `seq`, what is visible is decided.
    pub(in crate::store) fn is_needless(db: &impl ConnectionTrait) -> bool {
        db.get_database_backend() == DbBackend::Sqlite
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn count(through: i64, after: i64, seqs: &[i64]) -> usize {
        let decided = Decided { through: through.into(), barrier: None };
        decided.count(after.into(), seqs.iter().map(|seq| LedgerSeq::from(*seq)))
    }

    #[test]
    fn rows_are_decided_up_to_the_first_gap_that_a_transaction_may_fill() {
        assert_eq!(count(0, 4, &[5, 6, 7]), 3);
        assert_eq!(count(0, 4, &[5, 7, 8]), 1);
        assert_eq!(count(0, 4, &[6]), 0);
        // The gaps up to 8 stay; the one before 10 may be filled.
        assert_eq!(count(8, 4, &[6, 8, 9, 11]), 3);
        assert_eq!(count(8, 4, &[]), 0);
    }
}
