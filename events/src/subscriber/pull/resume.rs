//! Where to resume when the durable was deleted. A recreated consumer would otherwise begin with
//! the oldest message, and every welcome mail of a week would be sent twice.

use std::collections::BTreeMap;

use time::OffsetDateTime;

/// The messages that this program received and did not settle, by stream sequence.
///
/// The resume point is a time and not a sequence, because a recreated stream counts from 1 again.
#[derive(Debug, Default)]
pub(crate) struct Resume {
    unsettled: BTreeMap<u64, OffsetDateTime>,
    newest: Option<OffsetDateTime>,
    check_above: usize,
}

impl Resume {
    const MIN_CHECK_ABOVE: usize = 4096;

    pub(crate) fn received(&mut self, sequence: u64, published: OffsetDateTime) {
        self.unsettled.insert(sequence, published);
        self.newest = self.newest.max(Some(published));
    }

    pub(crate) fn settled(&mut self, sequence: u64) {
        self.unsettled.remove(&sequence);
    }

    /// Whether the message was received by this program before and is not settled.
    pub(crate) fn is_unsettled(&self, sequence: u64) -> bool {
        self.unsettled.contains_key(&sequence)
    }

    /// Everything up to `ack_floor` is settled, by this program or another.
    pub(crate) fn settled_up_to(&mut self, ack_floor: u64) {
        self.unsettled.retain(|sequence, _| *sequence > ack_floor);
        self.check_above = Self::MIN_CHECK_ABOVE.max(self.unsettled.len() * 2);
    }

    /// Whether to ask the server for its ack floor. Another program may have settled what this one
    /// retried, and the server does not report that.
    pub(crate) fn needs_ack_floor(&self) -> bool {
        self.unsettled.len() > self.check_above.max(Self::MIN_CHECK_ABOVE)
    }

    /// The time to resume from, if anything was received. What was published at that very time is
    /// delivered again: twice is better than not at all.
    pub(crate) fn point(&self) -> Option<OffsetDateTime> {
        self.unsettled.values().min().copied().or(self.newest)
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
    fn resumes_at_the_oldest_unsettled_message_or_at_the_newest() {
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
    fn needs_the_ack_floor_when_much_is_unsettled_and_not_again_at_once() {
        let mut resume = Resume::default();
        for sequence in 0..=Resume::MIN_CHECK_ABOVE as u64 {
            resume.received(sequence, NOON);
        }
        assert!(resume.needs_ack_floor());
        resume.settled_up_to(0);
        assert!(!resume.needs_ack_floor());
    }
}
