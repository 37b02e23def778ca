//! What a subscriber reports to the program's metrics.

use std::fmt;
use std::ops::RangeInclusive;
use std::sync::Arc;
use std::time::Duration;

use uuid::Uuid;

use super::delivery::DeliveryInfo;

/// Counts and times events. The subscriber calls these functions between two events; they must not
/// block.
///
/// ```
/// use std::sync::atomic::{AtomicU64, Ordering};
/// use std::time::Duration;
/// use watchword_events::subscriber::{DeliveryOutcome, Metrics};
/// use watchword_events::{DeliveryInfo, Subscriber};
///
/// #[derive(Default)]
/// struct Counters { lag: AtomicU64, dead: AtomicU64 }
///
/// impl Metrics for Counters {
///     fn received(&self, _subject: &str, delivery: &DeliveryInfo) {
///         self.lag.store(delivery.pending, Ordering::Relaxed);
///     }
///     fn settled(&self, _subject: &str, outcome: DeliveryOutcome, _took: Duration) {
///         if outcome == DeliveryOutcome::DeadLettered {
///             self.dead.fetch_add(1, Ordering::Relaxed);
///         }
///     }
/// }
///
/// let subscriber = Subscriber::durable("welcome-mailer").metrics(Counters::default());
/// ```
pub trait Metrics: Send + Sync + 'static {
    /// An event was delivered and is about to be handled. [`DeliveryInfo::pending`] is the
    /// durable's lag: how many messages the server has yet to deliver.
    fn received(&self, subject: &str, delivery: &DeliveryInfo) {
        let _ = (subject, delivery);
    }

    /// The outcome of an event was sent to the server. `took` is the handler's time; in a batch,
    /// that of the batch.
    fn settled(&self, subject: &str, outcome: DeliveryOutcome, took: Duration) {
        let _ = (subject, outcome, took);
    }

    /// The server did not confirm the outcome, so it may redeliver the event.
    fn unconfirmed(&self, subject: &str, outcome: DeliveryOutcome) {
        let _ = (subject, outcome);
    }

    /// A subscriber [in order](super::OrderedByUser) continues behind events of a user, by
    /// `userSeq`, that it never got. Beginning with 1, they are what happened before the subscriber
    /// began; else events are lost to it. Alert on them.
    fn missing(&self, user: Uuid, missing: RangeInclusive<i64>) {
        let _ = (user, missing);
    }

    /// The durable was ahead of the stream, which had lost its end, and would have skipped as many
    /// of the next events. `reset` tells whether the kit has reset it: then it begins again, and
    /// events come twice.
    /// Alert on it.
    fn ahead_of_stream(&self, reset: bool) {
        let _ = reset;
    }
}

/// The outcome of one delivery of an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum DeliveryOutcome {
    /// Handled and acknowledged.
    Acked,
    /// Acknowledged without being handled: the inbox had recorded it.
    Duplicate,
    /// Acknowledged without being handled: the durable delivers more events than the subscriber
    /// wants.
    Skipped,
    /// Failed. The server redelivers it.
    Retried,
    /// Failed while all events fail. The program keeps it and tries it again.
    Kept,
    /// Given back to the server, since earlier events of its user are not applied and the program
    /// holds as many events as it may. It has not failed.
    GivenBack,
    /// Given up. A stream has stored its dead letter, unless dead letters are turned off.
    DeadLettered,
}

/// The argument of [`Subscriber::metrics`](super::Subscriber::metrics), if any.
#[derive(Clone, Default)]
pub(crate) struct Observer(Option<Arc<dyn Metrics>>);

impl Observer {
    pub(crate) fn new(metrics: impl Metrics) -> Self {
        Self(Some(Arc::new(metrics)))
    }

    pub(crate) fn received(&self, subject: &str, delivery: &DeliveryInfo) {
        if let Some(metrics) = &self.0 {
            metrics.received(subject, delivery);
        }
    }

    pub(crate) fn settled(&self, subject: &str, outcome: DeliveryOutcome, took: Duration) {
        if let Some(metrics) = &self.0 {
            metrics.settled(subject, outcome, took);
        }
    }

    pub(crate) fn missing(&self, user: Uuid, missing: RangeInclusive<i64>) {
        if let Some(metrics) = &self.0 {
            metrics.missing(user, missing);
        }
    }

    pub(crate) fn ahead_of_stream(&self, reset: bool) {
        if let Some(metrics) = &self.0 {
            metrics.ahead_of_stream(reset);
        }
    }

    pub(crate) fn unconfirmed(&self, subject: &str, outcome: DeliveryOutcome) {
        if let Some(metrics) = &self.0 {
            metrics.unconfirmed(subject, outcome);
        }
    }
}

impl fmt::Debug for Observer {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(if self.0.is_some() {
            "Observer(some)"
        } else {
            "Observer(none)"
        })
    }
}
