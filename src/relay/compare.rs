//! Comparing acknowledged rows with the stream, to find those that the stream has lost.
//!
//! A sequence alone proves nothing. A stream that lost its end assigns the same sequences again,
//! and a stream that was deleted and created again starts from 1. So the event id at the sequence
//! is compared.
//!
//! What is lost is the end of the stream, or all of it. Rows are compared from the highest sequence
//! down, and a run of rows that are in place ends the search.

use std::time::Duration;

use time::OffsetDateTime;

use crate::{
    domain::clock::signed_duration,
    domain::ids::{LedgerSeq, StreamSeq},
    jetstream::{Stored, StreamFacts},
    store::AckedRow,
};

/// After so many rows in place in a row, all lower ones are assumed to be in place.
pub(crate) const MIN_RUN_IN_PLACE: usize = 16;

/// The state of an acknowledged row in the stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum RowState {
    /// The stream has it at the acknowledged sequence.
    InPlace,
    Lost,
    /// The limits of the stream, or a purge, have removed it on purpose.
    Expired,
    /// An operator has deleted this message. Publishing it again would undo that.
    Erased,
}

/// What the stream still has.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Extent {
    first_seq: StreamSeq,
    last_seq: StreamSeq,
    /// Events from before this time have expired.
    horizon: Option<OffsetDateTime>,
}

impl Extent {
    pub(crate) fn new(facts: &StreamFacts, now: OffsetDateTime) -> Self {
        let before = |age: Duration| now.checked_sub(signed_duration(age));
        Self {
            first_seq: facts.first_seq,
            last_seq: facts.last_seq,
            horizon: facts.max_age.and_then(before),
        }
    }

    /// Events from before this time have expired.
    pub(crate) fn horizon(&self) -> Option<OffsetDateTime> {
        self.horizon
    }

    /// Whether this row, and every row with a lower sequence, precedes what the stream still has.
    pub(crate) fn ends_above(&self, row: &AckedRow) -> bool {
        row.stream_seq < self.first_seq.min(self.last_seq.saturating_add(1))
    }

    /// The state of a row as far as the extent alone decides it; `None`: its message has to be
    /// read.
    pub(crate) fn judge(&self, row: &AckedRow) -> Option<RowState> {
        let seq = row.stream_seq;
        if self.horizon.is_some_and(|horizon| row.occurred_at < horizon) {
            Some(RowState::Expired)
        } else if seq > self.last_seq {
            Some(RowState::Lost)
        } else if seq < self.first_seq {
            Some(RowState::Expired)
        } else {
            None
        }
    }
}

/// The state of a row by the message at its sequence. No message within the extent means a
/// deletion: a stream that lost its end has other messages there, or ends before.
pub(crate) fn judge_message(row: &AckedRow, stored: Stored) -> RowState {
    match stored {
        Stored::Event(id) if id == row.id => RowState::InPlace,
        Stored::Event(_) | Stored::Other => RowState::Lost,
        Stored::Nothing => RowState::Erased,
    }
}

/// The search from the highest sequence down.
#[derive(Debug, Default)]
pub(crate) struct Search {
    run: usize,
    in_place: Option<StreamSeq>,
    lost: Vec<LedgerSeq>,
}

impl Search {
    /// Add the next row. `true`: all lower ones are in place.
    pub(crate) fn take(&mut self, row: &AckedRow, state: RowState) -> bool {
        match state {
            RowState::InPlace => {
                self.run += 1;
                self.in_place = self.in_place.max(Some(row.stream_seq));
            }
            RowState::Lost => {
                self.run = 0;
                self.lost.push(row.seq);
            }
            RowState::Expired | RowState::Erased => {}
        }
        self.run >= MIN_RUN_IN_PLACE
    }

    /// The ledger sequences of the lost rows.
    pub(crate) fn take_lost(&mut self) -> Vec<LedgerSeq> {
        std::mem::take(&mut self.lost)
    }

    /// How many rows are lost so far.
    pub(crate) fn lost(&self) -> usize {
        self.lost.len()
    }

    /// The highest stream sequence that has the event of the ledger.
    pub(crate) fn in_place(&self) -> Option<StreamSeq> {
        self.in_place
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use time::macros::datetime;
    use uuid::Uuid;

    use super::*;

    const NOW: OffsetDateTime = datetime!(2026-11-22 12:00 UTC);

    /// A stream of the given messages.
    struct Fake {
        extent: Extent,
        messages: BTreeMap<u64, Uuid>,
    }

    impl Fake {
        fn new(first_seq: u64, last_seq: u64, messages: impl IntoIterator<Item = (u64, u128)>) -> Self {
            let horizon = Some(NOW - time::Duration::DAY * 7);
            Self {
                extent: Extent {
                    first_seq: first_seq.into(),
                    last_seq: last_seq.into(),
                    horizon,
                },
                messages: messages.into_iter().map(|(seq, id)| (seq, Uuid::from_u128(id))).collect(),
            }
        }

        fn lost(&self, rows: &[AckedRow]) -> (Vec<i64>, Option<u64>) {
            let mut search = Search::default();
            for row in rows.iter().rev() {
                let probe =
                    |seq: StreamSeq| self.messages.get(&seq.get()).map_or(Stored::Nothing, |id| Stored::Event(*id));
                let state = self.extent.judge(row).unwrap_or_else(|| judge_message(row, probe(row.stream_seq)));
                if search.take(row, state) || self.extent.ends_above(row) {
                    break;
                }
            }
            let in_place = search.in_place();
            let lost = search.take_lost().into_iter().map(LedgerSeq::get).collect();
            (lost, in_place.map(StreamSeq::get))
        }
    }

    /// Rows 1..=n, acknowledged at the sequence of the same number, a minute apart.
    fn rows(n: i64) -> Vec<AckedRow> {
        (1..=n)
            .map(|seq| AckedRow {
                seq: seq.into(),
                id: Uuid::from_u128(seq.unsigned_abs().into()),
                stream_seq: seq.unsigned_abs().into(),
                occurred_at: NOW - time::Duration::minutes(n - seq),
            })
            .collect()
    }

    #[test]
    fn no_row_is_lost_when_the_end_is_in_place() {
        let stream = Fake::new(1, 100, (1..=100).map(|n| (n, n.into())));
        assert_eq!(stream.lost(&rows(100)), (vec![], Some(100)));
    }

    #[test]
    fn a_lost_end_is_found_exactly() {
        let stream = Fake::new(1, 90, (1..=90).map(|n| (n, n.into())));
        assert_eq!(stream.lost(&rows(100)), ((91..=100).rev().collect(), Some(90)));
    }

    #[test]
    fn a_lost_end_whose_sequences_are_assigned_again_is_found_exactly() {
        let messages = (1..=90).map(|n| (n, n.into())).chain((91..=105).map(|n| (n, u128::from(n) + 1000)));
        let stream = Fake::new(1, 105, messages);
        assert_eq!(stream.lost(&rows(100)), ((91..=100).rev().collect(), Some(90)));
    }

    #[test]
    fn an_empty_stream_has_lost_everything_that_has_not_expired() {
        let stream = Fake::new(1, 0, []);
        assert_eq!(stream.lost(&rows(50)), ((1..=50).rev().collect(), None));
        let mut old = rows(50);
        for row in old.iter_mut().take(20) {
            row.occurred_at = NOW - time::Duration::DAY * 8;
        }
        assert_eq!(stream.lost(&old), ((21..=50).rev().collect(), None));
    }

    #[test]
    fn a_new_stream_with_other_events_has_lost_every_row() {
        let stream = Fake::new(1, 30, (1..=30).map(|n| (n, u128::from(n) + 1000)));
        assert_eq!(stream.lost(&rows(50)), ((1..=50).rev().collect(), None));
    }

    #[test]
    fn what_the_limits_removed_is_not_lost() {
        let stream = Fake::new(81, 100, (81..=100).map(|n| (n, n.into())));
        assert_eq!(stream.lost(&rows(100)), (vec![], Some(100)));
        let purged = Fake::new(101, 100, []);
        assert_eq!(purged.lost(&rows(100)), (vec![], None));
    }

    #[test]
    fn a_deleted_message_is_not_published_again() {
        let stream = Fake::new(1, 100, (1..=98).map(|n| (n, n.into())));
        assert_eq!(stream.lost(&rows(100)), (vec![], Some(98)));
    }

    #[test]
    fn rows_of_an_earlier_stream_do_not_end_the_search() {
        // Expired rows with high numbers from an earlier stream; then the present one, which lost
        // its end.
        let mut all = rows(40);
        all.extend((5000..5050).map(|seq: u32| AckedRow {
            seq: (-i64::from(seq)).into(),
            id: Uuid::from_u128(1),
            stream_seq: u64::from(seq).into(),
            occurred_at: NOW - time::Duration::DAY * 30,
        }));
        let stream = Fake::new(1, 35, (1..=35).map(|n| (n, n.into())));
        assert_eq!(stream.lost(&all), ((36..=40).rev().collect(), Some(35)));
    }
}
