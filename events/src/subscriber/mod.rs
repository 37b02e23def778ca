//! The subscriber kit: typed events from the JetStream stream, acknowledged only when they are dealt with.
//!
//! A **durable** subscriber has its place kept by the server. Every event is handed over until the handler
//! says `Ok`, so a restart of either side loses nothing; after an outage an event can come twice, and a
//! handler that must not act twice remembers [`Received::id`](crate::Received). An **ephemeral** one keeps
//! no place and acknowledges nothing: it is for looking.
//!
//! ```no_run
//! use watchword_events::{AuthEvent, EventKind, Failure, Subscriber};
//!
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! Subscriber::durable("welcome-mailer")
//!     .events([EventKind::Registered])
//!     .connect("nats://127.0.0.1:4222")
//!     .await?
//!     .run(|received, _delivery| async move {
//!         let Some(AuthEvent::Registered(account)) = received.event else { return Ok(()) };
//!         let address = account.email.ok_or_else(|| Failure::poison("the event has no address"))?;
//!         send_mail(&address).await?; // any error: the event comes again later
//!         Ok(())
//!     })
//!     .await?;
//! # Ok(()) }
//! # async fn send_mail(_: &str) -> std::io::Result<()> { Ok(()) }
//! ```
//!
//! # Ways to run
//!
//! - [`run`](Connected::run) hands over one event after the other, or [several at the same time](Subscriber::concurrency).
//! - [`run_with_inbox`](Connected::run_with_inbox) applies every event once: the handler works in a transaction in which
//!   an [`Inbox`] has noted the event.
//! - [`run_batches`](Connected::run_batches) hands over many at once.
//!
//! In all of them a handler may take longer than [`ack_wait`](Subscriber::ack_wait), an error or a panic brings the event
//! again after a [pause](Backoff), poison and the last failure make a dead letter, the handler's span carries the
//! publisher's trace, and [`Metrics`] are told.
//!
//! # Rights
//!
//! A durable that an administrator has made is used with `$JS.API.CONSUMER.INFO.<stream>.<durable>`,
//! `$JS.API.CONSUMER.MSG.NEXT.<stream>.<durable>` and its acknowledgements alone. To make it itself the
//! subscriber needs `$JS.API.CONSUMER.CREATE.<stream>.<durable>` too, and to keep dead letters the right
//! to publish on `auth.dlq.<durable>`.

mod ahead;
mod backoff;
mod batch_worker;
mod batches;
mod bind;
mod dead_letter;
mod delivery;
mod durable;
mod ephemeral;
mod error;
mod inbox;
mod intake;
mod login;
mod metrics;
#[cfg(feature = "postgres-inbox")]
mod postgres_inbox;
mod reading;
mod resume;
mod settle;
mod worker;

use std::time::Duration;

use async_nats::{Client, ConnectOptions};
use time::OffsetDateTime;
pub use tokio_util::sync::CancellationToken;
use tracing::{error, warn};

pub use backoff::Backoff;
pub use batches::Batches;
pub use dead_letter::{
    DLQ_ATTEMPTS, DLQ_CONSUMER, DLQ_REASON, DLQ_SEQUENCE, DLQ_STREAM, DLQ_SUBJECT, DLQ_SUBJECT_PREFIX,
};
pub use delivery::{Delivery, Failure};
pub use error::SubscribeError;
pub use inbox::Inbox;
pub use metrics::{Metrics, Outcome};
#[cfg(feature = "postgres-inbox")]
pub use postgres_inbox::PostgresInbox;

use metrics::Observer;

use crate::catalogue::EventKind;

/// The stream the service publishes to unless it is configured otherwise.
pub const DEFAULT_STREAM: &str = "auth-events";

/// The server gives a sign of life this often; after two missed ones the consumer is looked up again.
const HEARTBEAT: Duration = Duration::from_secs(2);
/// How long one request for messages stands at the server.
const REQUEST: Duration = Duration::from_secs(30);

/// How a subscriber reads, before it is connected. `M` is [`Durable`] or [`Ephemeral`].
#[derive(Clone, Debug)]
#[must_use]
pub struct Subscriber<M> {
    mode: M,
    stream: String,
    events: Vec<EventKind>,
    stop: CancellationToken,
}

/// A subscriber whose place is kept by the server under a name.
#[derive(Clone, Debug)]
pub struct Durable {
    name: String,
    ack_wait: Duration,
    max_deliver: u32,
    max_ack_pending: u32,
    concurrency: usize,
    backoff: Backoff,
    dead_letters: bool,
    observer: Observer,
}

/// A subscriber that is forgotten when it stops.
#[derive(Clone, Debug)]
pub struct Ephemeral {
    start: Start,
    caught_up: Option<CancellationToken>,
}

/// Where an ephemeral subscriber begins.
#[derive(Clone, Copy, Debug)]
enum Start {
    New,
    Oldest,
    Since(OffsetDateTime),
}

/// A subscriber with its connection, ready to run.
#[derive(Clone, Debug)]
#[must_use]
pub struct Connected<M> {
    subscriber: Subscriber<M>,
    client: Client,
}

/// Options whose connection reports in the log, as an error, what the server refuses: above all the subjects this user
/// may not publish or subscribe to. The requests themselves only get no answer then.
///
/// ```no_run
/// use watchword_events::subscriber::{Subscriber, connect_options};
///
/// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
/// let options = connect_options().credentials_file("mailer.creds").await?.custom_inbox_prefix("_INBOX_mailer");
/// let connected = Subscriber::durable("welcome-mailer").connect_with("nats://nats.internal:4222", options).await?;
/// # Ok(()) }
/// ```
#[must_use]
pub fn connect_options() -> ConnectOptions {
    ConnectOptions::new().event_callback(async |event| match event {
        async_nats::Event::ServerError(refusal) => error!(error = %refusal, "the NATS server refuses"),
        async_nats::Event::SlowConsumer(_) => warn!("messages were dropped: this program reads too slowly"),
        _ => {}
    })
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

    /// Only these events. Without this call the subscriber gets all of them, those this version of the
    /// crate does not know included.
    pub fn events(mut self, events: impl IntoIterator<Item = EventKind>) -> Self {
        self.events = events.into_iter().collect();
        self
    }

    /// Reads another stream than [`DEFAULT_STREAM`].
    pub fn stream(mut self, name: impl Into<String>) -> Self {
        self.stream = name.into();
        self
    }

    /// Stops when `token` is cancelled: no new event is begun, and `run` returns when those that were
    /// begun are finished and acknowledged.
    pub fn stop_on(mut self, token: CancellationToken) -> Self {
        self.stop = token;
        self
    }

    /// Connects without credentials, or with those in the URL (`nats://user:password@host`; the user's reply subjects
    /// begin with `_INBOX_<user>` then).
    ///
    /// # Errors
    /// [`SubscribeError::Connect`] when no server answers.
    pub async fn connect(self, url: &str) -> Result<Connected<M>, SubscribeError> {
        self.connect_with(url, login::options(url)).await
    }

    /// Connects with credentials, TLS or other options. Begin with [`connect_options`], so that missing rights are
    /// reported.
    ///
    /// # Errors
    /// [`SubscribeError::Connect`] when no server answers or it refuses the credentials.
    pub async fn connect_with(self, url: &str, options: ConnectOptions) -> Result<Connected<M>, SubscribeError> {
        let client = options.connect(url).await.map_err(SubscribeError::Connect)?;
        Ok(self.with_client(client))
    }

    /// Uses a connection the program already has.
    pub fn with_client(self, client: Client) -> Connected<M> {
        Connected {
            subscriber: self,
            client,
        }
    }

    /// The subjects to ask the server for; none means all.
    fn filters(&self) -> Vec<String> {
        self.events.iter().map(|kind| kind.subject().to_owned()).collect()
    }
}

impl<M> Connected<M> {
    /// The connection, to look whether it stands, or to use it for something else.
    #[must_use]
    pub fn client(&self) -> Client {
        self.client.clone()
    }
}

impl Subscriber<Durable> {
    /// A subscriber whose place the server keeps under `name` (no spaces, dots, `*` or `>`). Programs that
    /// use the same name share the events between them.
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
        })
    }

    /// After how long without a sign of life the server hands an event to someone else (default 30 s). A
    /// handler may take longer: the subscriber reports progress for it. Used when the durable is made here.
    pub const fn ack_wait(mut self, wait: Duration) -> Self {
        self.mode.ack_wait = wait;
        self
    }

    /// How often one event is tried before it becomes a dead letter (default 6). Used when the durable is
    /// made here.
    pub const fn max_deliver(mut self, times: u32) -> Self {
        self.mode.max_deliver = times;
        self
    }

    /// One event at a time for all programs that share the name, and none before the one that failed has
    /// succeeded or become a dead letter. Without it a failed event is overtaken by those after it. Used
    /// when the durable is made here.
    pub const fn strict_order(mut self) -> Self {
        self.mode.max_ack_pending = 1;
        self
    }

    /// How many events this program handles at the same time (default 1: in the order of the stream).
    pub const fn concurrency(mut self, handlers: usize) -> Self {
        self.mode.concurrency = if handlers == 0 { 1 } else { handlers };
        self
    }

    /// How long a failed event waits before it is tried again.
    pub const fn backoff(mut self, backoff: Backoff) -> Self {
        self.mode.backoff = backoff;
        self
    }

    /// Keeps no dead letters: poison is only reported to the server and in the log. The event itself stays
    /// in the stream.
    pub const fn without_dead_letters(mut self) -> Self {
        self.mode.dead_letters = false;
        self
    }

    /// Tells `metrics` what becomes of every event.
    pub fn metrics(mut self, metrics: impl Metrics) -> Self {
        self.mode.observer = Observer::new(metrics);
        self
    }
}

impl Subscriber<Ephemeral> {
    /// A subscriber that sees the events published from now on.
    pub fn ephemeral() -> Self {
        Self::new(Ephemeral {
            start: Start::New,
            caught_up: None,
        })
    }

    /// Begins with the oldest event that is still in the stream.
    pub const fn from_start(mut self) -> Self {
        self.mode.start = Start::Oldest;
        self
    }

    /// Begins with the oldest event that the stream took in at this time or later.
    pub const fn since(mut self, time: OffsetDateTime) -> Self {
        self.mode.start = Start::Since(time);
        self
    }

    /// Cancels `token` as soon as the handler has had every event that the stream held when it was opened: from then on
    /// events come as they are published.
    pub fn caught_up(mut self, token: CancellationToken) -> Self {
        self.mode.caught_up = Some(token);
        self
    }
}
