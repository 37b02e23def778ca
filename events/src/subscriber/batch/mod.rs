//! The loop of a durable subscriber that handles many events in one call.

mod worker;

use std::time::Duration;

use tokio::time::{Instant, sleep_until};
use tokio_util::sync::CancellationToken;

use super::builder::Durable;
use super::connection::Connected;
use super::delivery::{DeliveryInfo, HandlerError, InFlight};
use super::error::SubscribeError;
use super::handler::context::{ConsumerLimits, Context};
use super::metrics::DeliveryOutcome;
use super::pull::buffer::{PullBuffer, ReadError};
use super::pull::reader::{Reader, read_until_stopped};
use super::pull::resume::Resume;
use crate::received::ReceivedEvent;

use worker::BatchWorker;

/// The limits of a batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BatchLimits {
    /// The largest number of events in a batch. If an administrator created the durable, its
    /// `max_ack_pending` limits batches too.
    pub max_events: usize,
    /// The longest that the oldest event of a batch waits for others.
    pub max_wait: Duration,
}

impl Default for BatchLimits {
    /// Up to 500 events, collected for at most a second.
    fn default() -> Self {
        Self { max_events: 500, max_wait: Duration::from_secs(1) }
    }
}

impl Connected<Durable> {
    /// Runs like [`run`](Self::run), with many events in one call, for stores that want large
    /// inserts. `Ok` acknowledges all of them. The subscriber handles one batch at a time, in the
    /// order of the stream, and collects the next one in the meantime.
    ///
    /// After [`HandlerError::Retry`] every event of the batch is redelivered. An event that has
    /// used half of its attempts, and every event of a batch that is [`HandlerError::Poison`], is
    /// handled once more alone, so that only events that fail alone become dead letters. Parts of a
    /// batch can therefore arrive again, alone or with other events: make the inserts idempotent by
    /// [`ReceivedEvent::id`](crate::ReceivedEvent).
    ///
    /// ```no_run
    /// use watchword_events::Subscriber;
    /// use watchword_events::subscriber::BatchLimits;
    ///
    /// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
    /// Subscriber::durable("analytics")
    ///     .connect("nats://127.0.0.1:4222")
    ///     .await?
    ///     .run_batches(BatchLimits::default(), |events| async move {
    ///         let rows = events.iter().map(|(received, _delivery)| received.raw().to_string());
    ///         let rows: Vec<String> = rows.collect();
    ///         insert(&rows.join("\n")).await?; // one insert, one result for all events
    ///         Ok(())
    ///     })
    ///     .await?;
    /// # Ok(()) }
    /// # async fn insert(_: &str) -> std::io::Result<()> { Ok(()) }
    /// ```
    ///
    /// # Errors
    /// As for [`run`](Self::run).
    pub async fn run_batches<H, F>(mut self, limits: BatchLimits, handler: H) -> Result<(), SubscribeError>
    where
        H: Fn(Vec<(ReceivedEvent, DeliveryInfo)>) -> F + Send + Sync + 'static,
        F: Future<Output = Result<(), HandlerError>> + Send + 'static,
    {
        let stop = self.subscriber.stop.clone();
        let max_events = limits.max_events.max(1);
        let mode = &mut self.subscriber.mode;
        if mode.max_ack_pending > 1 {
            // The next batch is collected while one is in flight.
            let two_batches = u32::try_from(max_events.saturating_mul(2)).unwrap_or(u32::MAX);
            mode.max_ack_pending = mode.max_ack_pending.max(two_batches);
        }
        let context = self.into_context();
        let mut reader = BatchReader {
            worker: BatchWorker { context, handler },
            batch_limits: BatchLimits { max_events, ..limits },
            stop: stop.clone(),
            resume: Resume::default(),
        };
        read_until_stopped(&mut reader, &stop).await
    }
}

struct BatchReader<H> {
    worker: BatchWorker<H>,
    batch_limits: BatchLimits,
    stop: CancellationToken,
    resume: Resume,
}

impl<H, F> Reader for BatchReader<H>
where
    H: Fn(Vec<(ReceivedEvent, DeliveryInfo)>) -> F + Send + Sync + 'static,
    F: Future<Output = Result<(), HandlerError>> + Send + 'static,
{
    fn context(&self) -> &Context {
        &self.worker.context
    }

    fn resume(&mut self) -> &mut Resume {
        &mut self.resume
    }

    async fn read(&mut self, buffer: &mut PullBuffer, limits: ConsumerLimits) -> Result<(), ReadError> {
        let max_events = self.batch_limits.max_events.min(buffer.max_ack_pending());
        // Alone, the first message shows whether it failed before.
        let mut alone = true;
        loop {
            let paused_until = self.worker.context.outage.paused_until();
            if let Some(until) = paused_until {
                tokio::select! {
                    biased;
                    () = self.stop.cancelled() => return Ok(()),
                    kept = keep_until(buffer, until) => kept?,
                }
                // One event tells whether the outage is over.
                alone = true;
            }
            let wanted = if alone { 1 } else { max_events };
            tokio::select! {
                biased;
                () = self.stop.cancelled() => return Ok(()),
                collected = collect(buffer, wanted, self.batch_limits.max_wait) => collected?,
            }
            alone = paused_until.is_some() || buffer.peek().is_some_and(|in_flight| self.is_suspect(in_flight, limits));
            if !alone && wanted < max_events {
                continue;
            }
            let batch = self.take(buffer, wanted, limits);
            let next = if alone {
                Ok(())
            } else {
                top_up(buffer, max_events).await
            };
            self.process(buffer, next, batch, limits).await?;
            if self.resume.needs_ack_floor() {
                self.resume.settled_up_to(buffer.ack_floor().await?.stream_sequence);
            }
        }
    }
}

impl<H, F> BatchReader<H>
where
    H: Fn(Vec<(ReceivedEvent, DeliveryInfo)>) -> F + Send + Sync + 'static,
    F: Future<Output = Result<(), HandlerError>> + Send + 'static,
{
    /// Whether an event may have killed programs: half of its attempts are used, and this program
    /// did not use them. Such an event is fetched and handled alone, so that no other event is lost
    /// with it.
    fn is_suspect(&self, in_flight: &InFlight, limits: ConsumerLimits) -> bool {
        let DeliveryInfo { attempt, stream_sequence, .. } = in_flight.delivery;
        let half_used = limits.max_deliver.is_some_and(|last| attempt > 1 && attempt.saturating_mul(2) >= last);
        half_used && !self.resume.is_unsettled(stream_sequence)
    }

    fn take(&self, buffer: &mut PullBuffer, max_events: usize, limits: ConsumerLimits) -> Vec<InFlight> {
        let mut batch = Vec::new();
        while batch.len() < max_events
            && let Some(next) = buffer.peek()
            && (batch.is_empty() || !self.is_suspect(next, limits))
        {
            batch.extend(buffer.pop());
        }
        batch
    }

    /// Handles the batch, and buffers messages in the meantime while `binding` is `Ok`. A batch
    /// that was started is finished, even if the subscriber is stopped or the binding breaks.
    async fn process(
        &mut self,
        buffer: &mut PullBuffer,
        mut binding: Result<(), ReadError>,
        batch: Vec<InFlight>,
        limits: ConsumerLimits,
    ) -> Result<(), ReadError> {
        for in_flight in &batch {
            let delivery = &in_flight.delivery;
            self.resume.received(delivery.stream_sequence, delivery.published);
        }
        let outcomes = {
            let work = self.worker.process(&batch, limits);
            tokio::pin!(work);
            loop {
                tokio::select! {
                    biased;
                    outcomes = &mut work => break outcomes,
                    polled = buffer.poll_message(), if binding.is_ok() => binding = polled,
                }
            }
        };
        for (in_flight, outcome) in batch.into_iter().zip(outcomes) {
            match outcome {
                DeliveryOutcome::Retried => {}
                DeliveryOutcome::Kept => buffer.keep(in_flight),
                _ => self.resume.settled(in_flight.delivery.stream_sequence),
            }
        }
        binding
    }
}

/// Waits until `max_events` messages are buffered, or the oldest has waited for `max_wait`.
async fn collect(buffer: &mut PullBuffer, max_events: usize, max_wait: Duration) -> Result<(), ReadError> {
    loop {
        top_up(buffer, max_events).await?;
        match buffer.peek().map(|in_flight| in_flight.since) {
            _ if buffer.len() >= max_events => return Ok(()),
            None => buffer.poll_message().await?,
            Some(since) => tokio::select! {
                biased;
                polled = buffer.poll_message() => polled?,
                () = sleep_until(since + max_wait) => return Ok(()),
            },
        }
    }
}

/// Keeps what is buffered until then.
async fn keep_until(buffer: &mut PullBuffer, until: Instant) -> Result<(), ReadError> {
    loop {
        tokio::select! {
            biased;
            () = sleep_until(until) => return Ok(()),
            polled = buffer.poll_message() => polled?,
        }
    }
}

/// Requests messages when at most half of `max_events` are pending.
async fn top_up(buffer: &mut PullBuffer, max_events: usize) -> Result<(), ReadError> {
    let pending = buffer.pending();
    if pending < max_events && pending <= max_events / 2 {
        buffer.request(max_events - pending).await?;
    }
    Ok(())
}
