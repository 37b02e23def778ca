//! The loop of an ephemeral subscriber: a consumer without acknowledgements, recreated whenever
//! reading stops.

mod coverage;

use std::error::Error;
use std::time::Duration;

use async_nats::jetstream::consumer::{AckPolicy, DeliverPolicy, pull};
use async_nats::jetstream::{self, Context as JetStream};
use futures_util::StreamExt as _;
use time::OffsetDateTime;
use tracing::warn;

use crate::received::ReceivedEvent;
use crate::subscriber::builder::{Ephemeral, Start, Subscriber};
use crate::subscriber::connection::Connected;
use crate::subscriber::delivery::{DeliveryInfo, error_chain};
use crate::subscriber::error::SubscribeError;
use crate::subscriber::{HEARTBEAT_INTERVAL, PULL_TIMEOUT, RECONNECT_BACKOFF};

pub use coverage::Coverage;

/// The server deletes a consumer from which nothing was pulled for this long.
const INACTIVE_TIMEOUT: Duration = Duration::from_secs(120);

/// How far the subscriber has read.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Position {
    /// When the stream was created. Sequences of another stream do not compare.
    stream_created: OffsetDateTime,
    /// The sequence after which to continue; none while nothing has arrived since the time to begin
    /// at.
    after: Option<u64>,
    /// When the stream stored the last message that arrived.
    newest: Option<OffsetDateTime>,
}

enum Never {}

impl Subscriber<Ephemeral> {
    fn report_caught_up(&self) {
        self.mode.coverage.caught_up();
        if let Some(token) = &self.mode.caught_up {
            token.cancel();
        }
    }
}

impl Connected<Ephemeral> {
    /// Passes every event to `handler`, one after the other, until the subscriber is stopped. A
    /// message that is not an event is logged and skipped. The subscriber outlasts outages.
    ///
    /// # Errors
    /// None at present: the subscriber retries after every failure.
    pub async fn run<H, F>(self, handler: H) -> Result<(), SubscribeError>
    where
        H: Fn(ReceivedEvent, DeliveryInfo) -> F,
        F: Future<Output = ()>,
    {
        let Self { subscriber, client } = self;
        let jetstream = jetstream::new(client);
        let reading = read_forever(&jetstream, &subscriber, handler);
        // No acknowledgement depends on the handler, so it need not be waited for.
        tokio::select! {
            biased;
            () = subscriber.stop.cancelled() => Ok(()),
            never = reading => match never {},
        }
    }
}

async fn read_forever<H, F>(jetstream: &JetStream, subscriber: &Subscriber<Ephemeral>, handler: H) -> Never
where
    H: Fn(ReceivedEvent, DeliveryInfo) -> F,
    F: Future<Output = ()>,
{
    let mut position = None;
    let mut failures = 0;
    loop {
        failures += 1;
        match open(jetstream, subscriber, position).await {
            Ok((messages, opened_at)) => {
                let reached = read(messages, opened_at, subscriber, &handler).await;
                subscriber.mode.coverage.interrupted();
                position = Some(reached);
                if reached != opened_at {
                    failures = 1;
                }
            }
            Err(error) => warn!(stream = subscriber.stream, error = &*error, "cannot read the stream; retrying"),
        }
        tokio::time::sleep(RECONNECT_BACKOFF.after(failures)).await;
    }
}

/// Opens the stream at the position reached so far.
async fn open(
    jetstream: &JetStream,
    subscriber: &Subscriber<Ephemeral>,
    position: Option<Position>,
) -> Result<(pull::Stream, Position), Box<dyn Error + Send + Sync>> {
    let stream = jetstream.get_stream(&subscriber.stream).await?;
    let info = stream.cached_info();
    let start = subscriber.mode.start;
    let last = info.state.last_sequence;
    let after = match (position, start) {
        (Some(position), _) if position.stream_created == info.created => position.after,
        (None, Start::New) => Some(last),
        (None, Start::Since(_)) => None,
        // A recreated stream is new from its beginning.
        (Some(_), _) | (None, Start::Oldest) => Some(0),
    };
    let newest = position.and_then(|position| position.newest);
    let deliver_policy = match (after, start) {
        (None, Start::Since(start_time)) => DeliverPolicy::ByStartTime { start_time },
        // The stream lost its end, and assigns the same sequences again. What it has stored since
        // is newer than anything that arrived, wherever it stands.
        (Some(after), _) if after > last => {
            warn!(after, last, "the stream lost its end; continuing with what it stored since");
            match newest {
                Some(start_time) => DeliverPolicy::ByStartTime { start_time },
                None => DeliverPolicy::ByStartSequence { start_sequence: last + 1 },
            }
        }
        (after, _) => DeliverPolicy::ByStartSequence { start_sequence: after.unwrap_or_default() + 1 },
    };
    let after = after.map(|after| after.min(last));
    let config = pull::Config {
        name: Some(unique_name(jetstream)),
        deliver_policy,
        ack_policy: AckPolicy::None,
        filter_subjects: subscriber.filters(),
        inactive_threshold: INACTIVE_TIMEOUT,
        memory_storage: true,
        num_replicas: 1,
        ..Default::default()
    };
    let coverage = &subscriber.mode.coverage;
    coverage.opened(coverage::begins(info, start, position.and(after)));
    let position = Position { stream_created: info.created, after, newest };
    let consumer = stream.create_consumer(config).await?;
    if consumer.cached_info().num_pending == 0 {
        subscriber.report_caught_up();
    }
    Ok((
        consumer.stream().expires(PULL_TIMEOUT).heartbeat(HEARTBEAT_INTERVAL).messages().await?,
        position,
    ))
}

/// Returns a new name for a consumer. The name is part of the request's subject, so that a server
/// can allow this program to create its own consumers and no others; a request without a name could
/// be about any.
fn unique_name(jetstream: &JetStream) -> String {
    let inbox = jetstream.client().new_inbox();
    format!("ephemeral-{}", inbox.rsplit('.').next().unwrap_or_default())
}

/// Reads until the messages end. Returns the position reached.
async fn read<H, F>(
    mut messages: pull::Stream,
    mut position: Position,
    subscriber: &Subscriber<Ephemeral>,
    handler: &H,
) -> Position
where
    H: Fn(ReceivedEvent, DeliveryInfo) -> F,
    F: Future<Output = ()>,
{
    let mut deliveries = 0;
    while let Some(next) = messages.next().await {
        let message = match next {
            Ok(message) => message,
            Err(error) => {
                warn!(error = &error as &dyn Error, "reading stopped; reopening the stream");
                break;
            }
        };
        let Some(delivery) = DeliveryInfo::of(&message) else {
            continue;
        };
        deliveries += 1;
        // Without acknowledgements a message can get lost on its way: then the count of deliveries
        // jumps.
        if message.info().is_ok_and(|info| info.consumer_sequence != deliveries) {
            warn!("a message was lost; reopening the stream");
            break;
        }
        position.after = Some(delivery.stream_sequence);
        position.newest = Some(delivery.published);
        let is_last = delivery.pending == 0;
        match ReceivedEvent::from_json(&message.payload) {
            Ok(received) => handler(received, delivery).await,
            Err(error) => {
                let (subject, sequence) = (message.subject.as_str(), delivery.stream_sequence);
                warn!(subject, sequence, error = error_chain(&error), "message is not an event; skipped");
            }
        }
        if is_last {
            subscriber.report_caught_up();
        }
    }
    position
}
