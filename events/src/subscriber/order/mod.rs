//! The events of each user in the order of their numbers, in any order of deliveries.
//!
//! After a crash the messages that were in flight come back later than the ones behind them. Events
//! carry changes, so neither may be left out: an event is applied if its number follows the last
//! applied one, skipped if it is not higher, and held if it is further ahead.

mod by_user;
mod inbox;
mod locks;
mod sequences;
mod turns;

use std::ops::RangeInclusive;
use std::time::Duration;

use uuid::Uuid;

use crate::catalogue::is_user_event;
use crate::received::ReceivedEvent;

pub use by_user::OrderedByUser;
pub use inbox::OrderedInbox;
pub use sequences::UserSequences;
pub(crate) use turns::Turns;

/// How long an event is held by default before the ones that are missing are given up. Longer than
/// six attempts of an event take with the default [`Backoff`](super::Backoff).
const DEFAULT_HOLE_TIMEOUT: Duration = Duration::from_secs(15 * 60);

/// How often the server delivers one message to an ordered durable. Every restart of a program
/// redelivers what it held, which is no failure of the event, so the kit counts failures itself.
pub(crate) const MAX_DELIVER: u32 = 100;

/// Where an event stands among the events of its user.
#[derive(Debug, PartialEq, Eq)]
enum Place {
    /// It was applied before.
    Applied,
    /// It follows the last applied event.
    Next,
    /// These events come before it, and none of them was applied.
    Ahead(RangeInclusive<i64>),
}

impl Place {
    fn of(seq: i64, last: Option<i64>) -> Self {
        let last = last.unwrap_or_default();
        match seq.saturating_sub(last) {
            ..=0 => Self::Applied,
            1 => Self::Next,
            _ => Self::Ahead(last + 1..=seq - 1),
        }
    }
}

/// Returns the user and the number of an event that has a place in the order.
pub(crate) fn numbered(received: &ReceivedEvent) -> Option<(Uuid, i64)> {
    let user = received.user.filter(|_| is_user_event(&received.subject))?;
    Some((user.id, user.seq?))
}

#[cfg(test)]
mod tests {
    use super::Place;

    #[test]
    fn the_next_number_is_applied_a_known_one_skipped_and_a_later_one_held() {
        for (seq, last, place) in [
            (1, None, Place::Next),
            (2, None, Place::Ahead(1..=1)),
            (57, None, Place::Ahead(1..=56)),
            (8, Some(7), Place::Next),
            (7, Some(7), Place::Applied),
            (1, Some(7), Place::Applied),
            (9, Some(7), Place::Ahead(8..=8)),
            (12, Some(7), Place::Ahead(8..=11)),
        ] {
            assert_eq!(Place::of(seq, last), place, "{seq} after {last:?}");
        }
    }
}
