//! One message from its delivery to its acknowledgement.

use std::any::Any;
use std::panic::AssertUnwindSafe;
use std::slice;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt as _;
use tokio::time::Instant;
use tracing::{Instrument as _, Span, info_span};

use super::delivery::{Delivery, Failure, Handled, Held, chain};
use super::metrics::Outcome;
use super::settle::{Desk, Limits, Verdict, keep_alive};
use crate::catalogue::EventKind;
use crate::received::Received;

pub(super) struct Worker<H> {
    pub(super) desk: Desk,
    pub(super) handler: H,
}

/// What became of one message, and how long it was at work.
pub(super) struct Settled {
    pub(super) sequence: u64,
    pub(super) attempt: u32,
    pub(super) outcome: Outcome,
    pub(super) took: Duration,
}

impl<H, F> Worker<H>
where
    H: Fn(Received, Delivery) -> F + Send + Sync,
    F: Future<Output = Result<Handled, Failure>> + Send,
{
    pub(super) async fn process(self: Arc<Self>, held: Held, limits: Limits) -> Settled {
        let span = span(&self.desk.subscriber.mode.name, &held);
        let work = async {
            let begun = Instant::now();
            self.desk.received(&held);
            let verdict = keep_alive(slice::from_ref(&held), limits.ack_wait, self.judge(&held)).await;
            let outcome = self.desk.settle(&held, limits, verdict, begun.elapsed()).await;
            Settled {
                sequence: held.delivery.stream_sequence,
                attempt: held.delivery.attempt,
                outcome,
                took: begun.elapsed(),
            }
        };
        work.instrument(span).await
    }

    async fn judge(&self, held: &Held) -> Verdict {
        let received = match self.desk.read(held) {
            Ok(received) => received,
            Err(verdict) => return verdict,
        };
        Span::current().record("event_id", tracing::field::display(received.id));
        // The closure is called inside of what is caught: it may panic before there is a future.
        judged(async { (self.handler)(received, held.delivery.clone()).await }).await
    }
}

impl Desk {
    pub(super) fn received(&self, held: &Held) {
        let observer = &self.subscriber.mode.observer;
        observer.received(&held.message.subject, &held.delivery);
    }

    /// The event of a message that is wanted, or what shall become of the message without a handler.
    pub(super) fn read(&self, held: &Held) -> Result<Received, Verdict> {
        let wanted = &self.subscriber.events;
        let kind = || EventKind::from_subject(&held.message.subject);
        if !wanted.is_empty() && kind().is_none_or(|kind| !wanted.contains(&kind)) {
            return Err(Verdict::Done(Handled::Unwanted));
        }
        Received::from_json(&held.message.payload).map_err(|error| Verdict::Poison(chain(&error)))
    }
}

/// What a handler's answer means. A panic is a failure like any other: whatever it left half done is the handler's
/// own, and nothing of the subscriber is shared with it.
pub(super) async fn judged(handler: impl Future<Output = Result<Handled, Failure>>) -> Verdict {
    match AssertUnwindSafe(handler).catch_unwind().await {
        Ok(Ok(handled)) => Verdict::Done(handled),
        Ok(Err(Failure::Retry(error))) => Verdict::Retry(chain(&*error)),
        Ok(Err(Failure::Poison(error))) => Verdict::Poison(chain(&*error)),
        Err(panic) => Verdict::Retry(format!("the handler panicked: {}", said(&*panic))),
    }
}

/// The text of a panic.
fn said(panic: &(dyn Any + Send)) -> &str {
    let text = panic.downcast_ref::<&str>().copied();
    text.or_else(|| panic.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("without a text")
}

/// The span the handler runs in. It carries the publisher's trace, so that logs of both sides can be joined.
pub(super) fn span(durable: &str, held: &Held) -> Span {
    let delivery = &held.delivery;
    info_span!(
        "event",
        durable,
        subject = held.message.subject.as_str(),
        sequence = delivery.stream_sequence,
        attempt = delivery.attempt,
        event_id = tracing::field::Empty,
        trace_id = delivery.traceparent.map(|trace| trace.trace_id()),
        parent_span_id = delivery.traceparent.map(|trace| trace.span_id()),
    )
}
