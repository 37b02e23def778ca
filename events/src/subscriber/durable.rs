//! The loop of a durable subscriber: bind, read, bind again when the stream of messages breaks.

use std::sync::Arc;
use std::time::Duration;

use async_nats::jetstream;
use async_nats::jetstream::consumer::{PullConsumer, pull};
use futures_util::{FutureExt as _, StreamExt as _, TryFutureExt as _};
use tokio::sync::Semaphore;
use tokio::task::{JoinError, JoinSet};
use tokio_util::sync::CancellationToken;
use tracing::{debug, info, warn};

use super::backoff::Backoff;
use super::bind::{self, Unbound};
use super::delivery::{Delivery, Failure, Handled};
use super::error::SubscribeError;
use super::resume::Resume;
use super::worker::{Limits, Worker};
use super::{Connected, Durable, HEARTBEAT, REQUEST};
use crate::received::Received;

/// Between attempts to reach the consumer: from 50 ms to 5 s.
const REBIND: Backoff = Backoff {
    first: Duration::from_millis(100),
    longest: Duration::from_secs(5),
};

impl Connected<Durable> {
    /// Hands every event to `handler` until the subscriber is stopped, then waits for what was begun.
    ///
    /// An event is acknowledged when the handler answers `Ok`. A connection that breaks, a server that
    /// restarts, a stream that is not there yet or a durable that is deleted are waited out; a durable that
    /// has to be made again goes on where this program was. A handler that panics has failed: its event is tried
    /// again, and is a dead letter after the last attempt.
    ///
    /// # Errors
    /// When the durable cannot be used as it is, or the server refuses to make it.
    pub async fn run<H, F>(self, handler: H) -> Result<(), SubscribeError>
    where
        H: Fn(Received, Delivery) -> F + Send + Sync + 'static,
        F: Future<Output = Result<(), Failure>> + Send + 'static,
    {
        self.run_each(move |received, delivery| handler(received, delivery).map_ok(|()| Handled::Now))
            .await
    }

    /// [`run`](Self::run) for handlers that may answer that there was nothing left to do.
    pub(super) async fn run_each<H, F>(self, handler: H) -> Result<(), SubscribeError>
    where
        H: Fn(Received, Delivery) -> F + Send + Sync + 'static,
        F: Future<Output = Result<Handled, Failure>> + Send + 'static,
    {
        let Self { subscriber, client } = self;
        let stop = subscriber.stop.clone();
        let permits = Arc::new(Semaphore::new(subscriber.mode.concurrency));
        let worker = Arc::new(Worker {
            context: jetstream::new(client),
            subscriber,
            handler,
        });
        let mut reader = Reader {
            worker,
            permits,
            stop,
            tasks: JoinSet::new(),
            resume: Resume::default(),
        };
        let result = reader.read_until_stopped().await;
        while let Some(done) = reader.tasks.join_next().await {
            reader.note(done);
        }
        result
    }
}

struct Reader<H> {
    worker: Arc<Worker<H>>,
    permits: Arc<Semaphore>,
    stop: CancellationToken,
    tasks: JoinSet<Option<u64>>,
    resume: Resume,
}

/// Why reading from one binding ended.
enum Ended {
    Stopped,
    Broken { after_messages: bool },
}

impl<H, F> Reader<H>
where
    H: Fn(Received, Delivery) -> F + Send + Sync + 'static,
    F: Future<Output = Result<Handled, Failure>> + Send + 'static,
{
    async fn read_until_stopped(&mut self) -> Result<(), SubscribeError> {
        let stop = self.stop.clone();
        let mut failures = 0;
        loop {
            let subscriber = &self.worker.subscriber;
            let bound = tokio::select! {
                biased;
                () = stop.cancelled() => return Ok(()),
                bound = bind::bind(&self.worker.context, subscriber, self.resume.point()) => bound,
            };
            let ended = match bound {
                Ok(consumer) => self.read(&consumer).await,
                Err(Unbound::Never(error)) => return Err(error),
                Err(Unbound::Later(error)) => {
                    let (durable, stream) = (&subscriber.mode.name, &subscriber.stream);
                    warn!(durable, stream, error = &*error, "the consumer cannot be reached yet");
                    Ended::Broken { after_messages: false }
                }
            };
            match ended {
                Ended::Stopped => return Ok(()),
                Ended::Broken { after_messages: true } => failures = 1,
                Ended::Broken { after_messages: false } => failures += 1,
            }
            tokio::select! {
                () = stop.cancelled() => return Ok(()),
                () = tokio::time::sleep(REBIND.after(failures)) => {}
            }
        }
    }

    /// Reads until it is stopped or the binding breaks.
    ///
    /// A message is asked for only when there is a handler free for it: what waited in this program's memory
    /// would be given to someone else meanwhile.
    async fn read(&mut self, consumer: &PullConsumer) -> Ended {
        self.resume
            .settled_up_to(consumer.cached_info().ack_floor.stream_sequence);
        let limits = Limits {
            ack_wait: bind::ack_wait(consumer),
            max_deliver: bind::max_deliver(consumer),
        };
        let requests = consumer
            .stream()
            .max_messages_per_batch(1)
            .expires(REQUEST)
            .heartbeat(HEARTBEAT);
        let mut after_messages = false;
        let mut messages = match requests.messages().await {
            Ok(messages) => messages,
            Err(error) => {
                warn!(error = &error as &dyn std::error::Error, "messages cannot be asked for");
                return Ended::Broken { after_messages };
            }
        };
        info!(durable = self.worker.subscriber.mode.name, "subscribed");
        let stop = self.stop.clone();
        loop {
            let permit = tokio::select! {
                biased;
                () = stop.cancelled() => return Ended::Stopped,
                // The semaphore is never closed.
                permit = Arc::clone(&self.permits).acquire_owned() => permit.ok(),
            };
            let next = loop {
                tokio::select! {
                    biased;
                    () = stop.cancelled() => {
                        hand_back(messages).await;
                        return Ended::Stopped;
                    }
                    Some(done) = self.tasks.join_next() => self.note(done),
                    next = messages.next() => break next,
                }
            };
            let message = match next {
                Some(Ok(message)) => message,
                Some(Err(error)) => {
                    warn!(error = &error as &dyn std::error::Error, "reading broke off");
                    return Ended::Broken { after_messages };
                }
                None => return Ended::Broken { after_messages },
            };
            after_messages = true;
            if let Some(delivery) = Delivery::of(&message) {
                self.resume.received(delivery.stream_sequence, delivery.published);
                let work = Arc::clone(&self.worker).process(message, delivery, limits);
                self.tasks.spawn(async move {
                    let _permit = permit;
                    work.await
                });
            }
            if self.resume.is_crowded() {
                debug!("looking up what others have settled");
                return Ended::Broken { after_messages };
            }
        }
    }

    fn note(&mut self, done: Result<Option<u64>, JoinError>) {
        match done {
            Ok(Some(sequence)) => self.resume.settled(sequence),
            Ok(None) => {}
            Err(error) if error.is_panic() => std::panic::resume_unwind(error.into_panic()),
            // Tasks are cancelled by dropping the set alone, and then nobody reads this.
            Err(_) => {}
        }
    }
}

/// Gives back at once what came after the decision to stop, instead of letting it wait for the server's clock.
/// It can be one message: no more is ever asked for.
async fn hand_back(mut messages: pull::Stream) {
    if let Some(Some(Ok(message))) = messages.next().now_or_never()
        && let Err(error) = message.ack_with(jetstream::AckKind::Nak(None)).await
    {
        warn!(error = &*error, "a message could not be handed back");
    }
}
