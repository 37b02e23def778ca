//! When a held event gets its turn.

use std::collections::BTreeSet;
use std::time::Duration;

use async_nats::jetstream::consumer::SequenceInfo;
use tokio::time::Instant;
use tracing::warn;
use uuid::Uuid;

use crate::subscriber::delivery::DeliveryInfo;
use crate::subscriber::pull::buffer::{PullBuffer, ReadError};

/// How often held events are checked again. Only other programs with the same durable, and what the
/// server settles by itself, make it necessary.
const CHECK_INTERVAL: Duration = Duration::from_secs(1);
/// How often a program says that it holds events.
const REPORT_INTERVAL: Duration = Duration::from_secs(60);

/// Releases held events, each when the ones before it are applied, or will never come.
///
/// The server tells the latter: once everything before the first held message is settled, no
/// earlier event of its user is going to be delivered. That message is then released, and settled
/// in its turn, so the held messages never wait for each other.
pub(crate) struct Turns {
    hole_timeout: Duration,
    handling: BTreeSet<u64>,
    /// The first held message for which the ack floor was read.
    checked: Option<u64>,
    check_at: Instant,
    report_at: Instant,
}

impl Turns {
    pub(crate) fn new(hole_timeout: Duration) -> Self {
        let now = Instant::now();
        Self {
            hole_timeout,
            handling: BTreeSet::new(),
            checked: None,
            check_at: now,
            report_at: now + REPORT_INTERVAL,
        }
    }

    pub(crate) fn started(&mut self, sequence: u64) {
        self.handling.insert(sequence);
    }

    pub(crate) fn ended(&mut self, sequence: u64) {
        self.handling.remove(&sequence);
    }

    /// An event of this user was applied: the next one is due.
    pub(crate) fn applied(buffer: &mut PullBuffer, user: Uuid) {
        if let Some(in_flight) = buffer.held.release_next(user) {
            buffer.push_front(in_flight);
        }
    }

    /// Waits until held events have to be checked.
    pub(crate) async fn due(&self) {
        tokio::time::sleep_until(self.check_at).await;
    }

    /// Releases what is due.
    pub(crate) async fn check(&mut self, buffer: &mut PullBuffer) -> Result<(), ReadError> {
        let now = Instant::now();
        let Some(first) = buffer.held.first().map(|held| held.in_flight.delivery.clone()) else {
            (self.checked, self.check_at) = (None, now + CHECK_INTERVAL);
            self.report_at = now + REPORT_INTERVAL;
            return Ok(());
        };
        let sequence = first.stream_sequence;
        let is_first = self.handling.first().is_none_or(|handled| *handled > sequence);
        let is_due = now >= self.check_at;
        if !is_due && (!is_first || self.checked == Some(sequence)) {
            return Ok(());
        }
        self.report(buffer, now);
        self.checked = Some(sequence);
        if is_settled_before(&first, buffer.ack_floor().await?) {
            if let Some(in_flight) = buffer.held.release_final() {
                buffer.push_front(in_flight);
            }
        } else if is_due {
            self.check_at = now + CHECK_INTERVAL;
            for in_flight in buffer.held.release_first_of_each(self.hole_timeout).into_iter().rev() {
                buffer.push_front(in_flight);
            }
        }
        Ok(())
    }

    fn report(&mut self, buffer: &PullBuffer, now: Instant) {
        if now < self.report_at {
            return;
        }
        self.report_at = now + REPORT_INTERVAL;
        if let Some(first) = buffer.held.first() {
            let (user, missing) = (first.user, first.missing);
            warn!(%user, missing, held = buffer.held.len(), "events wait for earlier ones of their users");
        }
    }
}

/// Whether everything before this message is settled.
///
/// The floor of a new durable is the stream's first message, of which its filter may leave out
/// some; but then the message is the first one delivered.
fn is_settled_before(first: &DeliveryInfo, floor: SequenceInfo) -> bool {
    let is_oldest = first.attempt == 1 && floor.consumer_sequence + 1 >= first.consumer_sequence;
    floor.stream_sequence + 1 >= first.stream_sequence || is_oldest
}
