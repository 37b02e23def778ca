//! What a subscriber counts, for whoever wants to know.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use super::delivery::Delivery;

/// Is told what happens to every event, to count and time it. Its functions are called between two events and must
/// not block.
///
/// ```
/// use std::sync::atomic::{AtomicU64, Ordering};
/// use std::time::Duration;
/// use watchword_events::subscriber::{Metrics, Outcome};
/// use watchword_events::{Delivery, Subscriber};
///
/// #[derive(Default)]
/// struct Counters { lag: AtomicU64, dead: AtomicU64 }
///
/// impl Metrics for Counters {
///     fn received(&self, _subject: &str, delivery: &Delivery) {
///         self.lag.store(delivery.pending, Ordering::Relaxed);
///     }
///     fn settled(&self, _subject: &str, outcome: Outcome, _took: Duration) {
///         if outcome == Outcome::DeadLettered {
///             self.dead.fetch_add(1, Ordering::Relaxed);
///         }
///     }
/// }
///
/// let subscriber = Subscriber::durable("welcome-mailer").metrics(Counters::default());
/// ```
pub trait Metrics: Send + Sync + 'static {
    /// An event was delivered and is about to be handled. [`Delivery::pending`] is the durable's lag: the messages
    /// that the server has yet to deliver.
    fn received(&self, subject: &str, delivery: &Delivery) {
        let _ = (subject, delivery);
    }

    /// The server was told what became of the event. `took` is the handler's time; in a batch, that of the batch.
    fn settled(&self, subject: &str, outcome: Outcome, took: Duration) {
        let _ = (subject, outcome, took);
    }

    /// The server did not confirm what it was told, so the event may come again.
    fn unconfirmed(&self, subject: &str, outcome: Outcome) {
        let _ = (subject, outcome);
    }
}

/// What became of one delivery of an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Outcome {
    /// Handled and acknowledged.
    Acked,
    /// Acknowledged without being handled: the inbox knew it.
    Duplicate,
    /// Acknowledged without being handled: the durable delivers more than is asked for.
    Skipped,
    /// Failed; it comes again.
    Retried,
    /// Given up. Its dead letter is safe, unless none are wanted.
    DeadLettered,
}

/// What was given to [`Subscriber::metrics`](super::Subscriber::metrics), if anything.
#[derive(Clone, Default)]
pub(super) struct Observer(Option<Arc<dyn Metrics>>);

impl Observer {
    pub(super) fn new(metrics: impl Metrics) -> Self {
        Self(Some(Arc::new(metrics)))
    }

    pub(super) fn received(&self, subject: &str, delivery: &Delivery) {
        if let Some(metrics) = &self.0 {
            metrics.received(subject, delivery);
        }
    }

    pub(super) fn settled(&self, subject: &str, outcome: Outcome, took: Duration) {
        if let Some(metrics) = &self.0 {
            metrics.settled(subject, outcome, took);
        }
    }

    pub(super) fn unconfirmed(&self, subject: &str, outcome: Outcome) {
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
