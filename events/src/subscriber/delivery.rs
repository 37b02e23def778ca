//! What a handler receives beside the event, and what it can return.

use std::error::Error;
use std::fmt::Write as _;
use std::ops::RangeInclusive;

use async_nats::jetstream::Message;
use time::OffsetDateTime;
use tokio::time::Instant;

use crate::headers::TRACEPARENT;
use crate::trace::TraceParent;

/// How an event reached the handler.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct DeliveryInfo {
    /// The number of this attempt, counted from 1 over all programs that share the durable.
    pub attempt: u32,
    /// The message's sequence in the stream.
    pub stream_sequence: u64,
    /// When the stream stored the message.
    pub published: OffsetDateTime,
    /// How many messages the server has yet to deliver after this one.
    pub pending: u64,
    /// The publisher's trace context, if the message carries a valid one.
    pub traceparent: Option<TraceParent>,
    /// The events of this user, by `userSeq`, that come before this one and will not be delivered.
    /// Only [subscribers in order](super::OrderedByUser) know it.
    pub missing: Option<RangeInclusive<i64>>,
    /// The number of this delivery. That of the first one is also the event's place among the
    /// unsettled ones.
    pub(crate) consumer_sequence: u64,
    /// The events that this one was held for will not be delivered.
    pub(crate) hole_is_final: bool,
}

/// Why a handler failed, which decides what happens to the event.
///
/// Every error becomes [`HandlerError::Retry`] through `?`, so an event is given up only on
/// purpose.
#[derive(Debug)]
pub enum HandlerError {
    /// A later attempt may succeed. The event is redelivered after a [pause](super::Backoff); after
    /// the last attempt it becomes a dead letter.
    Retry(Box<dyn Error + Send + Sync>),
    /// No attempt will succeed. The event becomes a dead letter at once.
    Poison(Box<dyn Error + Send + Sync>),
}

/// What happened to an event on which the handler did not fail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Handled {
    /// The handler applied it.
    Applied,
    /// An inbox had recorded it before.
    Duplicate,
    /// The subscriber does not want events of this kind.
    Unwanted,
    /// Earlier events of its user are not applied yet, beginning with this number.
    Ahead {
        /// The first number that is missing.
        missing: i64,
    },
}

/// A delivered message that is not settled yet.
pub(crate) struct InFlight {
    pub(crate) message: Message,
    pub(crate) delivery: DeliveryInfo,
    pub(crate) since: Instant,
    /// Since when it has been held for earlier events of its user.
    pub(crate) held_since: Option<Instant>,
    /// Whether it has failed while everything fails, and was kept.
    pub(crate) is_kept: bool,
}

impl InFlight {
    pub(crate) fn new(message: Message, delivery: DeliveryInfo) -> Self {
        Self {
            message,
            delivery,
            since: Instant::now(),
            held_since: None,
            is_kept: false,
        }
    }
}

impl HandlerError {
    /// Creates an error after which the event is retried.
    pub fn retry(reason: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self::Retry(reason.into())
    }

    /// Creates an error after which the event becomes a dead letter.
    pub fn poison(reason: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self::Poison(reason.into())
    }
}

impl<E: Error + Send + Sync + 'static> From<E> for HandlerError {
    fn from(error: E) -> Self {
        Self::Retry(Box::new(error))
    }
}

impl DeliveryInfo {
    /// Reads the reply subject and the headers. `None` for a message that JetStream did not
    /// deliver.
    pub(crate) fn of(message: &Message) -> Option<Self> {
        let info = message.info().ok()?;
        let traceparent = message.headers.as_ref().and_then(|headers| headers.get(TRACEPARENT));
        Some(Self {
            attempt: u32::try_from(info.delivered).unwrap_or(1),
            stream_sequence: info.stream_sequence,
            published: info.published,
            pending: info.pending,
            traceparent: traceparent.and_then(|text| text.as_str().parse().ok()),
            missing: None,
            consumer_sequence: info.consumer_sequence,
            hole_is_final: false,
        })
    }
}

/// An error with its causes, on one line.
pub(crate) fn error_chain(error: &(dyn Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        // Writing to a String cannot fail.
        let _ = write!(text, ": {error}");
        cause = error.source();
    }
    text
}
