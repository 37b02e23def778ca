//! Comparing acknowledged rows with the stream: which of them has the stream lost?
//!
//! A sequence alone proves nothing. A stream that lost its end gives the same numbers again, and a stream that was
//! deleted and made again starts from 1. So the event id found at the sequence is compared.
//!
//! What is lost is a suffix: of what the stream held when it died, or all of it. Rows are looked at from the highest
//! sequence down, and a run of rows that are in place ends the search.

use std::time::Duration;

use time::OffsetDateTime;

use crate::{
    jetstream::{Stored, StreamFacts},
    store::AckedRow,
};

/// So many rows in place, one after the other, and everything below is taken for in place too.
pub(crate) const AGREEMENT: usize = 16;

/// An acknowledged row, compared with the stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum PublishState {
    /// The stream has it where it said.
    InPlace,
    /// The stream has lost it.
    Lost,
    /// The stream's limits, or a purge, have removed it on purpose.
    Expired,
    /// Somebody has deleted this one message. To publish it again would undo that.
    Erased,
}

/// Where the stream is, as far as a comparison needs it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Extent {
    first_seq: u64,
    last_seq: u64,
    /// What happened before this is no longer in the stream.
    horizon: Option<OffsetDateTime>,
}

impl Extent {
    /// The extent of a stream at a time.
    pub(crate) fn new(facts: &StreamFacts, now: OffsetDateTime) -> Self {
        let before = |age: Duration| now.checked_sub(time::Duration::try_from(age).ok()?);
        Self {
            first_seq: facts.first_seq,
            last_seq: facts.last_seq,
            horizon: facts.max_age.and_then(before),
        }
    }

    /// What happened before this is no longer in the stream.
    pub(crate) fn horizon(&self) -> Option<OffsetDateTime> {
        self.horizon
    }

    /// Whether this row, and every row of a lower sequence, is below what the stream still holds.
    pub(crate) fn ends_above(&self, row: &AckedRow) -> bool {
        row.stream_seq.unsigned_abs() < self.first_seq.min(self.last_seq.saturating_add(1))
    }

    /// What the extent alone says about a row, or `None` when its message has to be read.
    pub(crate) fn judge(&self, row: &AckedRow) -> Option<PublishState> {
        let seq = row.stream_seq.unsigned_abs();
        if self.horizon.is_some_and(|horizon| row.occurred_at < horizon) {
            Some(PublishState::Expired)
        } else if seq > self.last_seq {
            Some(PublishState::Lost)
        } else if seq < self.first_seq {
            Some(PublishState::Expired)
        } else {
            None
        }
    }
}

/// What the message at a row's sequence says about it. An empty place within the extent is a deletion: a stream that
/// lost its end has no such places, it has other messages or ends before.
pub(crate) fn judge_message(row: &AckedRow, stored: Stored) -> PublishState {
    match stored {
        Stored::Event(id) if id == row.id => PublishState::InPlace,
        Stored::Event(_) | Stored::Other => PublishState::Lost,
        Stored::Nothing => PublishState::Erased,
    }
}

/// The search from the highest sequence down.
#[derive(Debug, Default)]
pub(crate) struct Search {
    run: usize,
    in_place: Option<u64>,
    lost: Vec<i64>,
}

impl Search {
    /// Takes the next row. `true` when everything further down is in place.
    pub(crate) fn take(&mut self, row: &AckedRow, standing: PublishState) -> bool {
        match standing {
            PublishState::InPlace => {
                self.run += 1;
                self.in_place = self.in_place.max(Some(row.stream_seq.unsigned_abs()));
            }
            PublishState::Lost => {
                self.run = 0;
                self.lost.push(row.seq);
            }
            PublishState::Expired | PublishState::Erased => {}
        }
        self.run >= AGREEMENT
    }

    /// The ledger's numbers of the rows found lost.
    pub(crate) fn take_lost(&mut self) -> Vec<i64> {
        std::mem::take(&mut self.lost)
    }

    /// How many rows are lost so far.
    pub(crate) fn lost(&self) -> usize {
        self.lost.len()
    }

    /// The highest sequence that holds what the ledger says.
    pub(crate) fn in_place(&self) -> Option<u64> {
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
                    first_seq,
                    last_seq,
                    horizon,
                },
                messages: messages
                    .into_iter()
                    .map(|(seq, id)| (seq, Uuid::from_u128(id)))
                    .collect(),
            }
        }

        fn lost(&self, rows: &[AckedRow]) -> (Vec<i64>, Option<u64>) {
            let mut search = Search::default();
            for row in rows.iter().rev() {
                let probe = |seq: i64| {
                    self.messages
                        .get(&seq.unsigned_abs())
                        .map_or(Stored::Nothing, |id| Stored::Event(*id))
                };
                let standing = self
                    .extent
                    .judge(row)
                    .unwrap_or_else(|| judge_message(row, probe(row.stream_seq)));
                if search.take(row, standing) || self.extent.ends_above(row) {
                    break;
                }
            }
            let in_place = search.in_place();
            (search.take_lost(), in_place)
        }
    }

    /// Rows 1..=n, acknowledged at the sequence of the same number, a minute apart.
    fn rows(n: i64) -> Vec<AckedRow> {
        (1..=n)
            .map(|seq| AckedRow {
                seq,
                id: Uuid::from_u128(seq.unsigned_abs().into()),
                stream_seq: seq,
                occurred_at: NOW - time::Duration::minutes(n - seq),
            })
            .collect()
    }

    #[test]
    fn nothing_is_lost_when_the_end_is_in_place() {
        let stream = Fake::new(1, 100, (1..=100).map(|n| (n, n.into())));
        assert_eq!(stream.lost(&rows(100)), (vec![], Some(100)));
    }

    #[test]
    fn a_lost_end_is_found_exactly() {
        let stream = Fake::new(1, 90, (1..=90).map(|n| (n, n.into())));
        assert_eq!(stream.lost(&rows(100)), ((91..=100).rev().collect(), Some(90)));
    }

    #[test]
    fn a_lost_end_whose_numbers_are_used_again_is_found_exactly() {
        let messages = (1..=90)
            .map(|n| (n, n.into()))
            .chain((91..=105).map(|n| (n, u128::from(n) + 1000)));
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
    fn a_stream_that_was_made_again_and_holds_others_events() {
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
        // Expired rows with high numbers from an earlier stream; then the present one, which lost its end.
        let mut all = rows(40);
        all.extend((5000..5050).map(|seq| AckedRow {
            seq: -seq,
            id: Uuid::from_u128(1),
            stream_seq: seq,
            occurred_at: NOW - time::Duration::DAY * 30,
        }));
        let stream = Fake::new(1, 35, (1..=35).map(|n| (n, n.into())));
        assert_eq!(stream.lost(&all), ((36..=40).rev().collect(), Some(35)));
    }
}
