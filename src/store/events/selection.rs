//! A part of the ledger, read from its beginning to its end in constant memory: for exports and replays.

use sea_orm::{ColumnTrait as _, EntityTrait as _, QueryFilter as _, QueryOrder as _, QuerySelect as _, Select};
use time::OffsetDateTime;
use uuid::Uuid;

use super::ledger::ledger_row;
use crate::store::entities::event;
use crate::store::{Ledger, LedgerRow, StoreError, convert};

/// How far one statement looks: what is looked for may be rare, and a statement may take fifteen seconds at most.
const MAX_SCAN: i64 = 50_000;
/// The same where an index leads to the rows.
const MAX_INDEXED_SCAN: i64 = 5_000_000;

/// Which events: those that match everything that is given.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Selection {
    /// That happened at this time or later.
    pub from: Option<OffsetDateTime>,
    /// That happened before this time.
    pub to: Option<OffsetDateTime>,
    /// Of one of these subjects; of any when there are none.
    pub subjects: Vec<&'static str>,
    /// About one of these users; about anybody or nobody when there are none.
    pub users: Vec<Uuid>,
    /// That have come so far.
    pub standing: PublishState,
}

/// How far events have come.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum PublishState {
    /// All that were committed.
    #[default]
    Recorded,
    /// Not those that the stream will never take.
    Sendable,
    /// Those that the stream has acknowledged.
    Published,
}

/// A stretch of the ledger, by `seq`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SeqRange {
    /// Behind this one.
    pub after: i64,
    /// Up to and with this one.
    pub through: i64,
}

impl SeqRange {
    /// Whether nothing is left of it.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.after >= self.through
    }
}

/// The next events of a stretch, and what is left of it.
#[derive(Debug, Clone)]
pub struct SelectedPage {
    /// The events, in the order of the ledger. There may be none although there are more behind.
    pub rows: Vec<LedgerRow>,
    /// What has not been looked at.
    pub rest: SeqRange,
}

impl Ledger {
    /// All that is in the ledger now. Everything that was committed before is in it; what commits later may lie in it too.
    ///
    /// # Errors
    /// [`StoreError`] of the database.
    pub async fn full_range(&self) -> Result<SeqRange, StoreError> {
        let ends = event::Entity::find()
            .select_only()
            .column_as(event::Column::Seq.min(), "first")
            .column_as(event::Column::Seq.max(), "last")
            .into_tuple::<(Option<i64>, Option<i64>)>()
            .one(self.store().db())
            .await?;
        let (first, last) = ends.unwrap_or_default();
        Ok(SeqRange {
            after: first.map_or(0, |first| first - 1),
            through: last.unwrap_or_default(),
        })
    }

    /// The next `limit` events of a selection in a stretch.
    ///
    /// # Errors
    /// [`StoreError`] of the database.
    pub async fn selected(
        &self,
        selection: &Selection,
        stretch: SeqRange,
        limit: u64,
    ) -> Result<SelectedPage, StoreError> {
        let part = selection.part(stretch);
        let rows = selection
            .query(part)
            .order_by_asc(event::Column::Seq)
            .limit(limit)
            .all(self.store().db())
            .await?;
        // A full page may have ended before the part did.
        let full = u64::try_from(rows.len()).is_ok_and(|rows| rows >= limit);
        let after = rows
            .last()
            .filter(|_| full)
            .map_or(part.through, |row: &event::Model| row.seq);
        Ok(SelectedPage {
            rows: rows.into_iter().map(ledger_row).collect(),
            rest: SeqRange { after, ..stretch },
        })
    }

    /// How many events of a selection are in a stretch.
    ///
    /// # Errors
    /// [`StoreError`] of the database.
    pub async fn count_selected(&self, selection: &Selection, stretch: SeqRange) -> Result<u64, StoreError> {
        let (mut rest, mut count) = (stretch, 0);
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
    /// What one statement looks at.
    fn part(&self, stretch: SeqRange) -> SeqRange {
        let reach = if self.users.is_empty() {
            MAX_SCAN
        } else {
            MAX_INDEXED_SCAN
        };
        SeqRange {
            after: stretch.after,
            through: stretch.through.min(stretch.after.saturating_add(reach)),
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
        match self.standing {
            PublishState::Recorded => query,
            PublishState::Sendable => query.filter(event::Column::ParkedReason.is_null()),
            PublishState::Published => query.filter(event::Column::PublishedAt.is_not_null()),
        }
    }
}
