//! Messages whose events are held until earlier events of their users are applied.
//!
//! A held message takes one of the consumer's unacknowledged messages (`max_ack_pending`) and uses
//! none of its attempts: the buffer reports progress for it. The missing event has a lower place in
//! the stream, so the server has delivered it before and delivers it again, however much is
//! unacknowledged.

use std::collections::BTreeMap;
use std::time::Duration;

use tokio::time::Instant;
use uuid::Uuid;

use crate::subscriber::delivery::InFlight;

/// How many messages a program holds. The server's limit is 256 unless it is set.
const MAX_HELD: usize = 256;

/// A message to hold: its event and the event's place among those of its user.
pub(crate) struct Held {
    pub(crate) in_flight: InFlight,
    pub(crate) user: Uuid,
    pub(crate) seq: i64,
    /// The first number that it waits for.
    pub(crate) missing: i64,
}

/// The held messages, by stream sequence.
#[derive(Default)]
pub(crate) struct HeldMessages(BTreeMap<u64, Held>);

impl HeldMessages {
    /// Holds a message. Returns one to give back when there are too many: the last one of the
    /// stream that may be delivered again often enough.
    pub(crate) fn insert(&mut self, held: Held, max_deliver: Option<u32>) -> Option<Held> {
        self.0.insert(held.in_flight.delivery.stream_sequence, held);
        if self.0.len() <= MAX_HELD {
            return None;
        }
        let has_attempts =
            |held: &&Held| max_deliver.is_none_or(|last| held.in_flight.delivery.attempt.saturating_mul(2) < last);
        let last = self.0.values().rev().find(has_attempts)?.in_flight.delivery.stream_sequence;
        self.0.remove(&last)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    /// The first one in the stream.
    pub(crate) fn first(&self) -> Option<&Held> {
        self.0.values().next()
    }

    pub(crate) fn messages(&self) -> impl Iterator<Item = &InFlight> {
        self.0.values().map(|held| &held.in_flight)
    }

    /// Begins to count again how long each is held.
    pub(crate) fn wait_again(&mut self) {
        let now = Instant::now();
        for held in self.0.values_mut() {
            held.in_flight.held_since = Some(now);
        }
    }

    /// Releases the first one of the user's events.
    pub(crate) fn release_next(&mut self, user: Uuid) -> Option<InFlight> {
        let of_user = self.0.iter().filter(|(_, held)| held.user == user);
        let sequence = *of_user.min_by_key(|(_, held)| held.seq)?.0;
        self.0.remove(&sequence).map(|held| held.in_flight)
    }

    /// Releases the first one in the stream, for which nothing is waited any more.
    pub(crate) fn release_final(&mut self) -> Option<InFlight> {
        let (_, held) = self.0.pop_first()?;
        let mut in_flight = held.in_flight;
        in_flight.delivery.hole_is_final = true;
        Some(in_flight)
    }

    /// Releases each user's first event, so that its turn is checked again: another program may
    /// have applied the ones before it. After `timeout` nothing is waited for any more.
    pub(crate) fn release_first_of_each(&mut self, timeout: Duration) -> Vec<InFlight> {
        let mut first: BTreeMap<Uuid, (i64, u64)> = BTreeMap::new();
        for (sequence, held) in &self.0 {
            let place = (held.seq, *sequence);
            first.entry(held.user).and_modify(|least| *least = place.min(*least)).or_insert(place);
        }
        let mut sequences: Vec<u64> = first.into_values().map(|(_, sequence)| sequence).collect();
        sequences.sort_unstable();
        let mut released: Vec<InFlight> = sequences
            .iter()
            .filter_map(|sequence| self.0.remove(sequence))
            .map(|held| held.in_flight)
            .collect();
        for in_flight in &mut released {
            let waited = in_flight.held_since.is_some_and(|since| since.elapsed() >= timeout);
            in_flight.delivery.hole_is_final = waited;
        }
        released
    }
}
