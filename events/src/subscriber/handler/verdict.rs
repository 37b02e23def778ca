//! What a handler's result means for the message.

use std::any::Any;
use std::panic::AssertUnwindSafe;

use futures_util::FutureExt as _;
use tracing::{Span, info_span};

use crate::subscriber::delivery::{Handled, HandlerError, InFlight, error_chain};

/// What to do with a message.
#[derive(Clone, Debug)]
pub(crate) enum Verdict {
    Done(Handled),
    Retry(String),
    Poison(String),
    /// It failed while everything fails: the program keeps the message and tries it again.
    Keep(String),
}

impl Verdict {
    /// Runs a handler. A panic counts as a failure: what it left half done belongs to the handler,
    /// and the subscriber shares nothing with it.
    pub(crate) async fn of(handler: impl Future<Output = Result<Handled, HandlerError>>) -> Self {
        match AssertUnwindSafe(handler).catch_unwind().await {
            Ok(Ok(handled)) => Self::Done(handled),
            Ok(Err(HandlerError::Retry(error))) => Self::Retry(error_chain(&*error)),
            Ok(Err(HandlerError::Poison(error))) => Self::Poison(error_chain(&*error)),
            Err(panic) => Self::Retry(format!("the handler panicked: {}", panic_message(&*panic))),
        }
    }
}

fn panic_message(panic: &(dyn Any + Send)) -> &str {
    let text = panic.downcast_ref::<&str>().copied();
    text.or_else(|| panic.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("no message")
}

/// The span in which a handler runs. It carries the publisher's trace, so that the logs of both
/// sides can be joined.
pub(crate) fn event_span(durable: &str, in_flight: &InFlight) -> Span {
    let delivery = &in_flight.delivery;
    info_span!(
        "event",
        durable,
        subject = in_flight.message.subject.as_str(),
        sequence = delivery.stream_sequence,
        attempt = delivery.attempt,
        event_id = tracing::field::Empty,
        trace_id = delivery.traceparent.map(|trace| trace.trace_id()),
        parent_span_id = delivery.traceparent.map(|trace| trace.span_id()),
    )
}
