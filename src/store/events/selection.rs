//! Reads a part of the ledger from beginning to end in constant memory, for exports and replays.

use sea_orm::{ColumnTrait as _, EntityTrait as _, QueryFilter as _, QueryOrder as _, QuerySelect as _, Select};
use time::OffsetDateTime;
use uuid::Uuid;

use super::ledger::ledger_row;
use crate::domain::ids::LedgerSeq;
use crate::store::entities::event;
use crate::store::{Ledger, LedgerRow, StoreError, convert};

/// Ledger sequences that one statement scans: matches may be rare, and a statement may take fifteen
/// seconds.
const MAX_SCAN: i64 = 50_000;
/// The same where an index finds the rows.
const MAX_INDEXED_SCAN: i64 = 5_000_000;

/// All given conditions must match.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Selection {
    /// Inclusive.
    pub from: Option<OffsetDateTime>,
    /// Exclusive.
    pub to: Option<OffsetDateTime>,
    /// Any of these; all subjects when empty.
    pub subjects: Vec<&'static str>,
    /// Any of these; all events when empty.
    pub users: Vec<Uuid>,
}

/// A range of ledger sequences.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SeqRange {
    /// Exclusive.
    pub after: LedgerSeq,
    /// Inclusive.
    pub through: LedgerSeq,
}

impl SeqRange {
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.after.get() >= self.through.get()
    }
}

/// The next events of a range, and the rest of the range.
#[derive(Debug, Clone)]
pub struct SelectedPage {
    /// In ledger order. A page may be empty although the rest has matches.
    pub rows: Vec<LedgerRow>,
    pub rest: SeqRange,
}

impl Ledger {
    /// The range of the whole ledger. Everything committed so far is in it; later commits may fall
    /// into it too.
    pub async fn full_range(&self) -> Result<SeqRange, StoreError> {
        let ends = event::Entity::find()
            .select_only()
            .column_as(event::Column::Seq.min(), "first")
            .column_as(event::Column::Seq.max(), "last")
            .into_tuple::<(Option<LedgerSeq>, Option<LedgerSeq>)>()
            .one(self.store().db())
            .await?;
        let (first, last) = ends.unwrap_or_default();
        Ok(SeqRange {
            after: first.map(|first| first.saturating_sub(1)).unwrap_or_default(),
            through: last.unwrap_or_default(),
        })
    }

    /// The next `limit` events of a selection in a range.
    pub async fn selected(
        &self,
        selection: &Selection,
        range: SeqRange,
        limit: u64,
    ) -> Result<SelectedPage, StoreError> {
        let part = selection.part(range);
        let rows = selection
            .query(part)
            .order_by_asc(event::Column::Seq)
            .limit(limit)
            .all(self.store().db())
            .await?;
        // A full page may end before the part does.
        let full = u64::try_from(rows.len()).is_ok_and(|rows| rows >= limit);
        let after = rows.last().filter(|_| full).map_or(part.through, |row: &event::Model| row.seq);
        Ok(SelectedPage {
            rows: rows.into_iter().map(ledger_row).collect(),
            rest: SeqRange { after, ..range },
        })
    }

    /// The number of events of a selection in a range.
    pub async fn count_selected(&self, selection: &Selection, range: SeqRange) -> Result<u64, StoreError> {
        let (mut rest, mut count) = (range, 0);
        while !rest.is_empty() {
            let part = selection.part(rest);
            let found = selection
                .query(part)
                .select_only()
                .column_as(event::Column::Seq.count(), "found")
                .into_tuple::<i64>()
                .one(self.store().db())
                .await?;
            count += found.unwrap_or_default().unsigned_abs();
            rest.after = part.through;
        }
        Ok(count)
    }
}

impl Selection {
    /// The part of a range that one statement scans.
    fn part(&self, range: SeqRange) -> SeqRange {
        let scan = if self.users.is_empty() {
            MAX_SCAN
        } else {
            MAX_INDEXED_SCAN
        };
        SeqRange {
            after: range.after,
            through: range.through.min(range.after.saturating_add(scan)),
        }
    }

    fn query(&self, part: SeqRange) -> Select<event::Entity> {
        let mut query = event::Entity::find()
            .filter(event::Column::Seq.gt(part.after))
            .filter(event::Column::Seq.lte(part.through));
        if let Some(from) = self.from {
            query = query.filter(event::Column::OccurredAt.gte(convert::millis_from(from)));
        }
        if let Some(to) = self.to {
            query = query.filter(event::Column::OccurredAt.lt(convert::millis_from(to)));
        }
        if !self.subjects.is_empty() {
            query = query.filter(event::Column::Subject.is_in(self.subjects.iter().copied()));
        }
        if !self.users.is_empty() {
            query = query.filter(event::Column::UserId.is_in(self.users.iter().copied()));
        }
        query
    }
}
