//! The loop of an ephemeral subscriber: a consumer without acknowledgements, made again wherever it broke off.

use std::error::Error;
use std::time::Duration;

use async_nats::jetstream::consumer::{AckPolicy, DeliverPolicy, pull};
use async_nats::jetstream::{self, Context};
use futures_util::StreamExt as _;
use time::OffsetDateTime;
use tracing::warn;

use super::backoff::Backoff;
use super::delivery::{Delivery, chain};
use super::error::SubscribeError;
use super::{Connected, Ephemeral, HEARTBEAT, REQUEST, Start, Subscriber};
use crate::received::Received;

/// Between attempts to reach the stream: from 50 ms to 5 s.
const REOPEN: Backoff = Backoff {
    first: Duration::from_millis(100),
    longest: Duration::from_secs(5),
};
/// The server forgets the consumer when nobody has asked it for messages for this long.
const FORGET: Duration = Duration::from_secs(120);

/// Where reading has come to.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Place {
    /// When the stream was made: sequences of another stream mean something else.
    stream: OffsetDateTime,
    /// The last sequence that was seen, or is not wanted; none while nothing has come since the time to begin at.
    behind: Option<u64>,
}

enum Never {}

impl Subscriber<Ephemeral> {
    fn caught_up_now(&self) {
        if let Some(token) = &self.mode.caught_up {
            token.cancel();
        }
    }
}

impl Connected<Ephemeral> {
    /// Hands every event to `handler`, one after the other, until the subscriber is stopped. What is not an
    /// event is reported in the log and passed over. Outages are waited out.
    ///
    /// # Errors
    /// None at present: whatever goes wrong may be right later.
    pub async fn run<H, F>(self, handler: H) -> Result<(), SubscribeError>
    where
        H: Fn(Received, Delivery) -> F,
        F: Future<Output = ()>,
    {
        let Self { subscriber, client } = self;
        let context = jetstream::new(client);
        let reading = read_on(&context, &subscriber, handler);
        // The handler looks and changes nothing, so it need not be waited for.
        tokio::select! {
            biased;
            () = subscriber.stop.cancelled() => Ok(()),
            never = reading => match never {},
        }
    }
}

async fn read_on<H, F>(context: &Context, subscriber: &Subscriber<Ephemeral>, handler: H) -> Never
where
    H: Fn(Received, Delivery) -> F,
    F: Future<Output = ()>,
{
    let mut place = None;
    let mut failures = 0;
    loop {
        failures += 1;
        match open(context, subscriber, place).await {
            Ok((messages, mut from)) => {
                let before = from;
                read(messages, &mut from, subscriber, &handler).await;
                place = Some(from);
                if from != before {
                    failures = 1;
                }
            }
            Err(error) => warn!(
                stream = subscriber.stream,
                error = &*error,
                "the stream cannot be read yet"
            ),
        }
        tokio::time::sleep(REOPEN.after(failures)).await;
    }
}

/// Opens the stream where reading has come to.
async fn open(
    context: &Context,
    subscriber: &Subscriber<Ephemeral>,
    place: Option<Place>,
) -> Result<(pull::Stream, Place), Box<dyn Error + Send + Sync>> {
    let stream = context.get_stream(&subscriber.stream).await?;
    let info = stream.cached_info();
    let start = subscriber.mode.start;
    let behind = match (place, start) {
        (Some(place), _) if place.stream == info.created => place.behind,
        (None, Start::New) => Some(info.state.last_sequence),
        (None, Start::Since(_)) => None,
        // Another stream under the same name is new from its beginning.
        (Some(_), _) | (None, Start::Oldest) => Some(0),
    };
    let deliver_policy = match (behind, start) {
        (None, Start::Since(start_time)) => DeliverPolicy::ByStartTime { start_time },
        (behind, _) => DeliverPolicy::ByStartSequence {
            start_sequence: behind.unwrap_or_default() + 1,
        },
    };
    let config = pull::Config {
        name: Some(name(context)),
        deliver_policy,
        ack_policy: AckPolicy::None,
        filter_subjects: subscriber.filters(),
        inactive_threshold: FORGET,
        memory_storage: true,
        num_replicas: 1,
        ..Default::default()
    };
    let place = Place {
        stream: info.created,
        behind,
    };
    let consumer = stream.create_consumer(config).await?;
    if consumer.cached_info().num_pending == 0 {
        subscriber.caught_up_now();
    }
    Ok((
        consumer
            .stream()
            .expires(REQUEST)
            .heartbeat(HEARTBEAT)
            .messages()
            .await?,
        place,
    ))
}

/// A new name for every consumer. It stands in the subject of the request, so that a server can allow this program to make
/// consumers of its own and no one else's; without a name the request could be about any consumer.
fn name(context: &Context) -> String {
    let unique = context.client().new_inbox();
    format!("ephemeral-{}", unique.rsplit('.').next().unwrap_or_default())
}

/// Reads until the messages break off.
async fn read<H, F>(mut messages: pull::Stream, place: &mut Place, subscriber: &Subscriber<Ephemeral>, handler: &H)
where
    H: Fn(Received, Delivery) -> F,
    F: Future<Output = ()>,
{
    let mut deliveries = 0;
    while let Some(next) = messages.next().await {
        let message = match next {
            Ok(message) => message,
            Err(error) => return warn!(error = &error as &dyn Error, "reading broke off"),
        };
        let Some(delivery) = Delivery::of(&message) else {
            continue;
        };
        deliveries += 1;
        // Without acknowledgements a message can get lost on its way: then the count of deliveries jumps.
        if message.info().is_ok_and(|info| info.consumer_sequence != deliveries) {
            return warn!("a message was lost on its way and is read again");
        }
        place.behind = Some(delivery.stream_sequence);
        let last = delivery.pending == 0;
        match Received::from_json(&message.payload) {
            Ok(received) => handler(received, delivery).await,
            Err(error) => {
                let (subject, sequence) = (message.subject.as_str(), delivery.stream_sequence);
                warn!(subject, sequence, error = chain(&error), "not an event");
            }
        }
        if last {
            subscriber.caught_up_now();
        }
    }
}
