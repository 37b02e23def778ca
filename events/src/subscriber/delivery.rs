//! What a handler is told about a delivery, and what it can answer.

use std::error::Error;
use std::fmt::Write as _;

use async_nats::jetstream::Message;
use time::OffsetDateTime;
use tokio::time::Instant;

use crate::headers::TRACEPARENT;
use crate::trace::TraceParent;

/// How an event came to the handler.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Delivery {
    /// Which attempt this is, counted from 1 over all programs that share the durable.
    pub attempt: u32,
    /// The message's place in the stream.
    pub stream_sequence: u64,
    /// When the stream took the message in.
    pub published: OffsetDateTime,
    /// How many messages the subscriber has yet to get after this one.
    pub pending: u64,
    /// The publisher's trace.
    pub traceparent: Option<TraceParent>,
}

/// Why a handler could not deal with an event, and what shall become of it.
///
/// Every error turns into [`Failure::Retry`] through `?`: an event is given up only on purpose.
#[derive(Debug)]
pub enum Failure {
    /// It may work later: the event comes again after a pause, and is a dead letter after the last attempt.
    Retry(Box<dyn Error + Send + Sync>),
    /// It will never work: the event becomes a dead letter at once.
    Poison(Box<dyn Error + Send + Sync>),
}

/// What became of an event that a handler did not fail on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Handled {
    /// It was dealt with.
    Now,
    /// It had been dealt with before: an inbox knew it.
    Before,
    /// It is not one of those asked for.
    Unwanted,
}

/// A delivered message.
pub(super) struct Held {
    pub(super) message: Message,
    pub(super) delivery: Delivery,
    pub(super) since: Instant,
}

impl Held {
    pub(super) fn new(message: Message, delivery: Delivery) -> Self {
        Self {
            message,
            delivery,
            since: Instant::now(),
        }
    }
}

impl Failure {
    /// It may work later.
    pub fn retry(reason: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self::Retry(reason.into())
    }

    /// It will never work.
    pub fn poison(reason: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self::Poison(reason.into())
    }
}

impl<E: Error + Send + Sync + 'static> From<E> for Failure {
    fn from(error: E) -> Self {
        Self::Retry(Box::new(error))
    }
}

impl Delivery {
    /// `None` for a message that JetStream did not deliver.
    pub(super) fn of(message: &Message) -> Option<Self> {
        let info = message.info().ok()?;
        let traceparent = message.headers.as_ref().and_then(|headers| headers.get(TRACEPARENT));
        Some(Self {
            attempt: u32::try_from(info.delivered).unwrap_or(1),
            stream_sequence: info.stream_sequence,
            published: info.published,
            pending: info.pending,
            traceparent: traceparent.and_then(|text| text.as_str().parse().ok()),
        })
    }
}

/// An error with its causes, on one line.
pub(super) fn chain(error: &(dyn Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        // Writing to a String cannot fail.
        let _ = write!(text, ": {error}");
        cause = error.source();
    }
    text
}
