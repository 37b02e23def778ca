//! How a subscriber reads, before it is connected.

use std::time::Duration;

use time::OffsetDateTime;
use tokio_util::sync::CancellationToken;

use super::DEFAULT_STREAM;
use super::backoff::Backoff;
use super::ephemeral::Coverage;
use super::metrics::{Metrics, Observer};
use crate::catalogue::EventKind;

/// The settings of a subscriber. `M` is [`Durable`] or [`Ephemeral`].
#[derive(Clone, Debug)]
#[must_use]
pub struct Subscriber<M> {
    pub(crate) mode: M,
    pub(crate) stream: String,
    pub(crate) events: Vec<EventKind>,
    pub(crate) stop: CancellationToken,
}

/// The mode of a subscriber whose position the server keeps under a name.
#[derive(Clone, Debug)]
pub struct Durable {
    pub(crate) name: String,
    pub(crate) ack_wait: Duration,
    pub(crate) max_deliver: u32,
    pub(crate) max_ack_pending: u32,
    pub(crate) concurrency: usize,
    pub(crate) backoff: Backoff,
    pub(crate) dead_letters: bool,
    pub(crate) observer: Observer,
    pub(crate) handler_timeout: Option<Duration>,
    /// How long an event is held for the ones before it; `None` if the order does not matter.
    pub(crate) hole_timeout: Option<Duration>,
}

/// The mode of a subscriber of which the server keeps nothing once it stops.
#[derive(Clone, Debug)]
pub struct Ephemeral {
    pub(crate) start: Start,
    pub(crate) caught_up: Option<CancellationToken>,
    pub(crate) coverage: Coverage,
}

/// Where an ephemeral subscriber begins.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Start {
    New,
    Oldest,
    Since(OffsetDateTime),
}

impl<M> Subscriber<M> {
    fn new(mode: M) -> Self {
        Self {
            mode,
            stream: DEFAULT_STREAM.to_owned(),
            events: Vec::new(),
            stop: CancellationToken::new(),
        }
    }

    /// Subscribes to these events only. Without this call the subscriber gets every event,
    /// including those that this version of the crate does not know.
    pub fn events(mut self, events: impl IntoIterator<Item = EventKind>) -> Self {
        self.events = events.into_iter().collect();
        self
    }

    /// Reads this stream instead of [`DEFAULT_STREAM`].
    pub fn stream(mut self, name: impl Into<String>) -> Self {
        self.stream = name.into();
        self
    }

    /// Stops when `token` is cancelled: the subscriber starts no new event, finishes and
    /// acknowledges those in flight, and returns from `run`.
    pub fn stop_on(mut self, token: CancellationToken) -> Self {
        self.stop = token;
        self
    }

    /// The subjects to filter by; none means all.
    pub(crate) fn filters(&self) -> Vec<String> {
        self.events.iter().map(|kind| kind.filter().to_owned()).collect()
    }
}

impl Subscriber<Durable> {
    /// Creates a subscriber whose position the server keeps under `name`. The name has no spaces,
    /// dots, `*` or `>`. Programs that use the same name share the events.
    pub fn durable(name: impl Into<String>) -> Self {
        Self::new(Durable {
            name: name.into(),
            ack_wait: Duration::from_secs(30),
            max_deliver: 6,
            max_ack_pending: 256,
            concurrency: 1,
            backoff: Backoff::default(),
            dead_letters: true,
            observer: Observer::default(),
            handler_timeout: None,
            hole_timeout: None,
        })
    }

    /// Sets how long the server waits for an acknowledgement or a progress report before it
    /// redelivers an event (default 30 s). A handler may take longer, since the kit reports
    /// progress for it. The setting applies when this program creates the durable.
    pub const fn ack_wait(mut self, wait: Duration) -> Self {
        self.mode.ack_wait = wait;
        self
    }

    /// Sets how many times an event is attempted before it becomes a dead letter (default 6). While
    /// all events fail, none is given up. The setting applies when this program creates the
    /// durable. [Ordered by user](super::Connected::ordered_by_user), it is the number of failures
    /// that this program has seen, since an event that waits for others may be delivered many
    /// times.
    pub const fn max_deliver(mut self, times: u32) -> Self {
        self.mode.max_deliver = times;
        self
    }

    /// Handles one event at a time, over all programs that share the name, and none before an
    /// earlier one has succeeded or become a dead letter. Without this setting later events
    /// overtake one that failed. The setting applies when this program creates the durable.
    pub const fn strict_order(mut self) -> Self {
        self.mode.max_ack_pending = 1;
        self
    }

    /// Sets how many events this program handles at once (default 1: in the order of the stream).
    /// Zero counts as one.
    pub const fn concurrency(mut self, handlers: usize) -> Self {
        self.mode.concurrency = if handlers == 0 { 1 } else { handlers };
        self
    }

    /// Fails a handler that takes longer than `timeout`, and drops its future at the point where it
    /// waits. Without a timeout a handler that never returns keeps its event, and its place among
    /// the [concurrent](Self::concurrency) ones, for as long as the program runs. A batch has the
    /// time once, for all its events.
    pub const fn handler_timeout(mut self, timeout: Duration) -> Self {
        self.mode.handler_timeout = Some(timeout);
        self
    }

    /// Sets how long a failed event waits before it is retried.
    pub const fn backoff(mut self, backoff: Backoff) -> Self {
        self.mode.backoff = backoff;
        self
    }

    /// Publishes no dead letters: a poison event is only terminated at the server and logged. The
    /// event itself stays in the stream.
    pub const fn without_dead_letters(mut self) -> Self {
        self.mode.dead_letters = false;
        self
    }

    /// Reports every delivery and its outcome to `metrics`.
    pub fn metrics(mut self, metrics: impl Metrics) -> Self {
        self.mode.observer = Observer::new(metrics);
        self
    }
}

impl Subscriber<Ephemeral> {
    /// Creates a subscriber that sees the events published from now on.
    pub fn ephemeral() -> Self {
        Self::new(Ephemeral {
            start: Start::New,
            caught_up: None,
            coverage: Coverage::default(),
        })
    }

    /// Begins with the oldest event in the stream.
    pub const fn from_start(mut self) -> Self {
        self.mode.start = Start::Oldest;
        self
    }

    /// Begins with the first event that the stream stored at `time` or later.
    pub const fn since(mut self, time: OffsetDateTime) -> Self {
        self.mode.start = Start::Since(time);
        self
    }

    /// Cancels `token` once the handler has processed every event that the stream held when it was
    /// opened. From then on events arrive as they are published.
    pub fn caught_up(mut self, token: CancellationToken) -> Self {
        self.mode.caught_up = Some(token);
        self
    }

    /// Keeps `coverage` up to date: since when the handler has processed every event.
    pub fn coverage(mut self, coverage: &Coverage) -> Self {
        self.mode.coverage = coverage.clone();
        self
    }
}
