//! Where to go on when the durable is gone: a consumer that is made again would otherwise begin with the
//! oldest message, and every welcome mail of a week would go out twice.

use std::collections::BTreeMap;

use time::OffsetDateTime;

/// What was delivered to this program and is not settled, by stream sequence.
///
/// The answer is an instant and not a sequence, because a stream that is made again counts from 1 again.
#[derive(Debug, Default)]
pub(super) struct Resume {
    open: BTreeMap<u64, OffsetDateTime>,
    newest: Option<OffsetDateTime>,
    crowd: usize,
}

impl Resume {
    const CROWD: usize = 4096;

    pub(super) fn received(&mut self, sequence: u64, published: OffsetDateTime) {
        self.open.insert(sequence, published);
        self.newest = self.newest.max(Some(published));
    }

    pub(super) fn settled(&mut self, sequence: u64) {
        self.open.remove(&sequence);
    }

    /// Whether the message was delivered to this program before and is not settled.
    pub(super) fn is_open(&self, sequence: u64) -> bool {
        self.open.contains_key(&sequence)
    }

    /// Everything up to `floor` is settled, whoever did it.
    pub(super) fn settled_up_to(&mut self, floor: u64) {
        self.open.retain(|sequence, _| *sequence > floor);
        self.crowd = Self::CROWD.max(self.open.len() * 2);
    }

    /// Whether it is time to ask the server for its floor: what was retried here may have been settled by
    /// another program, and nobody says so.
    pub(super) fn is_crowded(&self) -> bool {
        self.open.len() > self.crowd.max(Self::CROWD)
    }

    /// The instant to go on from, if anything was delivered at all. What was published at that very instant
    /// is delivered again: twice is better than not at all.
    pub(super) fn point(&self) -> Option<OffsetDateTime> {
        self.open.values().min().copied().or(self.newest)
    }
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::*;

    const NOON: OffsetDateTime = datetime!(2026-11-22 12:00 UTC);

    fn at(second: i64) -> OffsetDateTime {
        NOON + time::Duration::seconds(second)
    }

    #[test]
    fn goes_on_with_the_oldest_that_is_not_settled_else_with_the_newest() {
        let mut resume = Resume::default();
        assert_eq!(resume.point(), None);
        for sequence in 1..=4 {
            resume.received(sequence, at(i64::try_from(sequence).unwrap_or_default()));
        }
        resume.settled(1);
        resume.settled(3);
        assert_eq!(resume.point(), Some(at(2)));
        resume.settled_up_to(2);
        assert_eq!(resume.point(), Some(at(4)));
        resume.settled(4);
        assert_eq!(resume.point(), Some(at(4)));
    }

    #[test]
    fn asks_for_the_floor_when_much_is_open_and_not_again_at_once() {
        let mut resume = Resume::default();
        for sequence in 0..=Resume::CROWD as u64 {
            resume.received(sequence, NOON);
        }
        assert!(resume.is_crowded());
        resume.settled_up_to(0);
        assert!(!resume.is_crowded());
    }
}
