//! The subscriber kit: typed events from the JetStream stream, acknowledged once they are handled.
//!
//! A **durable** subscriber has its position kept by the server. The server redelivers an event
//! until the handler returns `Ok`, so a restart of either side loses nothing. After an outage an
//! event can arrive twice; a handler that must not act twice records
//! [`ReceivedEvent::id`](crate::ReceivedEvent), or uses an [`Inbox`]. An **ephemeral** subscriber
//! keeps no position and acknowledges nothing: use it to watch.
//!
//! ```no_run
//! use watchword_events::{AuthEvent, EventKind, HandlerError, Subscriber};
//!
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! Subscriber::durable("welcome-mailer")
//!     .events([EventKind::Registered])
//!     .connect("nats://127.0.0.1:4222")
//!     .await?
//!     .run(|received, _delivery| async move {
//!         let Some(AuthEvent::Registered(account)) = received.event else {
//!             return Ok(());
//!         };
//!         let address = account
//!             .email
//!             .ok_or_else(|| HandlerError::poison("the event has no address"))?;
//!         send_mail(&address).await?; // any error: the event is redelivered later
//!         Ok(())
//!     })
//!     .await?;
//! # Ok(()) }
//! # async fn send_mail(_: &str) -> std::io::Result<()> { Ok(()) }
//! ```
//!
//! # Ways to run
//!
//! - [`run`](Connected::run) handles one event after the other, or [several at
//!   once](Subscriber::concurrency).
//! - [`run_with_inbox`](Connected::run_with_inbox) applies every event once: the handler works in a
//!   transaction in which an [`Inbox`] has recorded the event.
//! - [`run_batches`](Connected::run_batches) handles many events in one call.
//! - [`ordered_by_user`](Connected::ordered_by_user) applies the events of each user in their order
//!   and without a hole, by itself or with an inbox. Copies of users need it: after a crash, events
//!   arrive in another order.
//!
//! In all of them:
//!
//! - A handler may take longer than [`ack_wait`](Subscriber::ack_wait); the kit reports progress
//!   for it.
//! - An error or a panic redelivers the event after a [pause](Backoff).
//! - A poison event, and one that failed its last attempt, becomes a dead letter.
//! - While all events fail, the subscriber pauses and keeps them: an outage of what the handlers
//!   work with makes no dead letters.
//! - The handler's span carries the publisher's trace.
//! - [`Metrics`] are called for every delivery.
//!
//! # Permissions
//!
//! To read a durable that an administrator created, the NATS user needs permission to publish on
//! `$JS.API.CONSUMER.INFO.<stream>.<durable>`, on `$JS.API.CONSUMER.MSG.NEXT.<stream>.<durable>`
//! and on the durable's acknowledgement subjects. To create the durable, it also needs
//! `$JS.API.CONSUMER.CREATE.<stream>.<durable>`; to keep dead letters, `auth.dlq.<durable>`.

mod backoff;
mod batch;
mod builder;
mod connection;
mod credentials;
mod delivery;
mod durable;
mod ephemeral;
mod error;
mod handler;
mod inbox;
mod metrics;
mod order;
mod pull;

use std::time::Duration;

/// The client of NATS, of which [`connect_options`] returns the options.
pub use async_nats;
/// The database client of [`PostgresInbox`].
#[cfg(feature = "postgres-inbox")]
pub use sqlx;
pub use tokio_util::sync::CancellationToken;

pub use crate::dead_letters::{
    DLQ_ATTEMPTS, DLQ_CONSUMER, DLQ_REASON, DLQ_SEQUENCE, DLQ_STREAM, DLQ_SUBJECT, DLQ_SUBJECT_PREFIX,
};
pub use backoff::Backoff;
pub use batch::BatchLimits;
pub use builder::{Durable, Ephemeral, Subscriber};
pub use connection::{Connected, connect_options};
pub use delivery::{DeliveryInfo, HandlerError};
pub use ephemeral::Coverage;
pub use error::SubscribeError;
pub use inbox::Inbox;
#[cfg(feature = "postgres-inbox")]
pub use inbox::PostgresInbox;
pub use metrics::{DeliveryOutcome, Metrics};
pub use order::{OrderedByUser, OrderedInbox, UserSequences};

/// The stream the service publishes to by default (`stream.name`).
pub const DEFAULT_STREAM: &str = "auth-events";

/// How often the server sends a heartbeat. After two missed ones the consumer is bound again.
const HEARTBEAT_INTERVAL: Duration = Duration::from_secs(2);
/// How long one pull request stays open at the server.
const PULL_TIMEOUT: Duration = Duration::from_secs(30);
/// Between attempts to reach the server: from 50 ms to 5 s.
const RECONNECT_BACKOFF: Backoff = Backoff {
    initial: Duration::from_millis(100),
    max: Duration::from_secs(5),
};
