//! One message from its delivery to its acknowledgement.

use std::any::Any;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use async_nats::jetstream::{AckKind, Context, Message};
use futures_util::FutureExt as _;
use tokio::time::{Instant, MissedTickBehavior, interval_at};
use tracing::{Instrument as _, Span, debug, error, info_span, warn};

use super::delivery::{Delivery, Failure, Handled, chain};
use super::{Durable, Subscriber, dead_letter};
use crate::catalogue::EventKind;
use crate::received::Received;

/// What a handler and the settings of its subscriber have in common.
pub(super) struct Worker<H> {
    pub(super) context: Context,
    pub(super) subscriber: Subscriber<Durable>,
    pub(super) handler: H,
}

/// The consumer's own limits; an administrator may have set others than the subscriber asks for.
#[derive(Clone, Copy)]
pub(super) struct Limits {
    pub(super) ack_wait: Duration,
    pub(super) max_deliver: Option<u32>,
}

enum Verdict {
    Done(Handled),
    Retry(String),
    Poison(String),
}

impl<H, F> Worker<H>
where
    H: Fn(Received, Delivery) -> F + Send + Sync,
    F: Future<Output = Result<Handled, Failure>> + Send,
{
    /// Returns the message's sequence when it will not come again.
    pub(super) async fn process(self: Arc<Self>, message: Message, delivery: Delivery, limits: Limits) -> Option<u64> {
        let span = span(&self.subscriber.mode.name, &message, &delivery);
        let work = async {
            let verdict = keep_alive(&message, limits.ack_wait, self.judge(&message, &delivery)).await;
            let settled = self.settle(&message, &delivery, limits, verdict).await;
            settled.then_some(delivery.stream_sequence)
        };
        work.instrument(span).await
    }

    async fn judge(&self, message: &Message, delivery: &Delivery) -> Verdict {
        let wanted = &self.subscriber.events;
        if !wanted.is_empty() && EventKind::from_subject(&message.subject).is_none_or(|kind| !wanted.contains(&kind)) {
            debug!("the durable delivers more than is asked for; the event is passed over");
            return Verdict::Done(Handled::Now);
        }
        let received = match Received::from_json(&message.payload) {
            Ok(received) => received,
            Err(error) => return Verdict::Poison(chain(&error)),
        };
        Span::current().record("event_id", tracing::field::display(received.id));
        // The closure is called inside of what is caught: it may panic before there is a future. Whatever it left
        // half done is the handler's own; nothing of the subscriber is shared with it.
        let handled = AssertUnwindSafe(async { (self.handler)(received, delivery.clone()).await });
        match handled.catch_unwind().await {
            Ok(Ok(handled)) => Verdict::Done(handled),
            Ok(Err(Failure::Retry(error))) => Verdict::Retry(chain(&*error)),
            Ok(Err(Failure::Poison(error))) => Verdict::Poison(chain(&*error)),
            Err(panic) => Verdict::Retry(format!("the handler panicked: {}", said(&*panic))),
        }
    }

    async fn settle(&self, message: &Message, delivery: &Delivery, limits: Limits, verdict: Verdict) -> bool {
        match verdict {
            Verdict::Done(handled) => {
                if handled == Handled::Before {
                    debug!("the event was dealt with before");
                }
                // Answered by the server, so that "done" is not lost with a connection. If it is, the event
                // comes again, and that is within the promise.
                if let Err(error) = message.double_ack().await {
                    warn!(error = &*error, "the acknowledgement was not confirmed");
                }
                true
            }
            Verdict::Retry(reason) if limits.max_deliver.is_some_and(|last| delivery.attempt >= last) => {
                let reason = format!("given up after {} attempts: {reason}", delivery.attempt);
                self.bury(message, delivery, &reason).await
            }
            Verdict::Retry(reason) => {
                warn!(reason, "the event will be tried again");
                self.put_back(message, delivery).await
            }
            Verdict::Poison(reason) => self.bury(message, delivery, &reason).await,
        }
    }

    /// Nothing is given up before the dead letter is safe: without it the event is tried again, and after the
    /// last attempt the server reports it and it stays in the stream.
    async fn bury(&self, message: &Message, delivery: &Delivery, reason: &str) -> bool {
        let Durable { name, dead_letters, .. } = &self.subscriber.mode;
        if *dead_letters {
            let stream = &self.subscriber.stream;
            let letter = dead_letter::publish(&self.context, name, stream, message, delivery, reason).await;
            if let Err(error) = letter {
                error!(
                    error = &*error,
                    reason, "the event cannot be handled, and no stream takes its dead letter"
                );
                return self.put_back(message, delivery).await;
            }
        }
        error!(reason, dead_letter = dead_letters, "the event is given up");
        if let Err(error) = message.double_ack_with(AckKind::Term).await {
            warn!(error = &*error, "giving up the event was not confirmed");
        }
        true
    }

    async fn put_back(&self, message: &Message, delivery: &Delivery) -> bool {
        let wait = self.subscriber.mode.backoff.after(delivery.attempt);
        if let Err(error) = message.double_ack_with(AckKind::Nak(Some(wait))).await {
            warn!(error = &*error, "putting the event back was not confirmed");
        }
        false
    }
}

/// The text of a panic.
fn said(panic: &(dyn Any + Send)) -> &str {
    let text = panic.downcast_ref::<&str>().copied();
    text.or_else(|| panic.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("without a text")
}

/// Tells the server now and then that the work goes on, so that it does not give the message to someone else.
async fn keep_alive<T>(message: &Message, ack_wait: Duration, work: impl Future<Output = T>) -> T {
    let period = (ack_wait / 3).max(Duration::from_millis(10));
    let mut tick = interval_at(Instant::now() + period, period);
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    tokio::pin!(work);
    loop {
        tokio::select! {
            biased;
            done = &mut work => return done,
            _ = tick.tick() => {
                if let Err(error) = message.ack_with(AckKind::Progress).await {
                    warn!(error = &*error, "progress could not be reported");
                }
            }
        }
    }
}

/// The span the handler runs in. It carries the publisher's trace, so that logs of both sides can be joined.
fn span(durable: &str, message: &Message, delivery: &Delivery) -> Span {
    info_span!(
        "event",
        durable,
        subject = message.subject.as_str(),
        sequence = delivery.stream_sequence,
        attempt = delivery.attempt,
        event_id = tracing::field::Empty,
        trace_id = delivery.traceparent.map(|trace| trace.trace_id()),
        parent_span_id = delivery.traceparent.map(|trace| trace.span_id()),
    )
}
