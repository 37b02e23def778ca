//! The loop of a durable subscriber that handles events one by one.

mod worker;

use std::sync::Arc;

use futures_util::TryFutureExt as _;
use tokio::task::{JoinError, JoinSet};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::builder::Durable;
use super::connection::Connected;
use super::delivery::{DeliveryInfo, Handled, HandlerError};
use super::error::SubscribeError;
use super::handler::context::{ConsumerLimits, Context};
use super::metrics::DeliveryOutcome;
use super::order::Turns;
use super::pull::buffer::{PullBuffer, ReadError};
use super::pull::prefetch::Prefetch;
use super::pull::reader::{Reader, read_until_stopped};
use super::pull::resume::Resume;
use crate::received::ReceivedEvent;

use worker::{ProcessResult, Processed, Worker};

/// How many messages a program keeps while everything fails.
const MAX_KEPT: usize = 64;

impl Connected<Durable> {
    /// Passes every event to `handler` until the subscriber is stopped, then waits for the handlers
    /// in flight.
    ///
    /// An event is acknowledged when the handler returns `Ok`. A handler that panics has failed:
    /// its event is retried, and becomes a dead letter after the last attempt.
    ///
    /// The subscriber outlasts a broken connection, a restarting server, a stream that does not
    /// exist yet and a deleted durable. A durable that it has to recreate resumes where this
    /// program was.
    ///
    /// # Errors
    /// When the existing durable does not fit, or the server refuses to create it.
    pub async fn run<H, F>(self, handler: H) -> Result<(), SubscribeError>
    where
        H: Fn(ReceivedEvent, DeliveryInfo) -> F + Send + Sync + 'static,
        F: Future<Output = Result<(), HandlerError>> + Send + 'static,
    {
        self.run_each(move |received, delivery| handler(received, delivery).map_ok(|()| Handled::Applied))
            .await
    }

    /// [`run`](Self::run) for handlers that may find that an event was applied before.
    pub(super) async fn run_each<H, F>(self, handler: H) -> Result<(), SubscribeError>
    where
        H: Fn(ReceivedEvent, DeliveryInfo) -> F + Send + Sync + 'static,
        F: Future<Output = Result<Handled, HandlerError>> + Send + 'static,
    {
        let stop = self.subscriber.stop.clone();
        let turns = self.subscriber.mode.hole_timeout.map(Turns::new);
        let context = self.into_context();
        let mut reader = EventReader {
            worker: Arc::new(Worker { context, handler }),
            stop: stop.clone(),
            tasks: JoinSet::new(),
            resume: Resume::default(),
            prefetch: Prefetch::default(),
            turns,
        };
        let result = read_until_stopped(&mut reader, &stop).await;
        while let Some(done) = reader.tasks.join_next().await {
            reader.finish(done).await;
        }
        result
    }
}

struct EventReader<H> {
    worker: Arc<Worker<H>>,
    stop: CancellationToken,
    tasks: JoinSet<Processed>,
    resume: Resume,
    prefetch: Prefetch,
    /// The turns of held events, if users' events are ordered.
    turns: Option<Turns>,
}

impl<H, F> Reader for EventReader<H>
where
    H: Fn(ReceivedEvent, DeliveryInfo) -> F + Send + Sync + 'static,
    F: Future<Output = Result<Handled, HandlerError>> + Send + 'static,
{
    fn context(&self) -> &Context {
        &self.worker.context
    }

    fn resume(&mut self) -> &mut Resume {
        &mut self.resume
    }

    async fn read(&mut self, buffer: &mut PullBuffer, limits: ConsumerLimits) -> Result<(), ReadError> {
        self.prefetch = Prefetch::default();
        let stop = self.stop.clone();
        let mut was_paused = false;
        loop {
            let paused_until = self.worker.context.outage.paused_until();
            if std::mem::replace(&mut was_paused, paused_until.is_some()) && paused_until.is_none() {
                // What held events wait for could not be applied.
                buffer.held.wait_again();
                buffer.sort();
            }
            if let Some(turns) = &mut self.turns
                && paused_until.is_none()
            {
                tokio::select! {
                    biased;
                    () = stop.cancelled() => return Ok(()),
                    checked = turns.check(buffer) => checked?,
                }
            }
            self.spawn_handlers(buffer, limits);
            tokio::select! {
                biased;
                () = stop.cancelled() => return Ok(()),
                requested = self.request_more(buffer) => requested?,
            }
            tokio::select! {
                biased;
                () = stop.cancelled() => return Ok(()),
                Some(done) = self.tasks.join_next() => self.record(done, buffer, limits).await,
                () = due(self.turns.as_ref()), if !buffer.held.is_empty() && paused_until.is_none() => {}
                () = next_try(paused_until), if self.tasks.is_empty() && buffer.len() > 0 => {}
                polled = buffer.poll_message() => polled?,
            }
            if self.resume.needs_ack_floor() {
                self.resume.settled_up_to(buffer.ack_floor().await?.stream_sequence);
            }
        }
    }
}

impl<H, F> EventReader<H>
where
    H: Fn(ReceivedEvent, DeliveryInfo) -> F + Send + Sync + 'static,
    F: Future<Output = Result<Handled, HandlerError>> + Send + 'static,
{
    fn concurrency(&self) -> usize {
        self.worker.context.subscriber.mode.concurrency
    }

    /// How many handlers may run: one, from time to time, while everything fails.
    fn free_handlers(&self) -> usize {
        match self.worker.context.outage.paused_until() {
            None => self.concurrency(),
            Some(until) => usize::from(Instant::now() >= until),
        }
    }

    /// Passes buffered messages to idle handlers.
    fn spawn_handlers(&mut self, buffer: &mut PullBuffer, limits: ConsumerLimits) {
        while self.tasks.len() < self.free_handlers()
            && let Some(in_flight) = buffer.pop()
        {
            let delivery = &in_flight.delivery;
            self.resume.received(delivery.stream_sequence, delivery.published);
            if delivery.attempt > 1 && in_flight.held_since.is_none() {
                self.prefetch.on_failure();
            }
            if let Some(turns) = &mut self.turns {
                turns.started(delivery.stream_sequence);
            }
            self.tasks.spawn(Arc::clone(&self.worker).process(in_flight, limits));
        }
    }

    /// Requests messages when at most half of what handlers and [`Prefetch`] can take is pending.
    async fn request_more(&self, buffer: &mut PullBuffer) -> Result<(), ReadError> {
        let pending = buffer.pending();
        if self.worker.context.outage.paused_until().is_some() {
            // One that was not tried yet, so that events that no handler can process are told from
            // an outage.
            if pending < MAX_KEPT && buffer.has_only_kept() {
                buffer.request(1).await?;
            }
            return Ok(());
        }
        let capacity = (self.concurrency() + self.prefetch.limit()).saturating_sub(self.tasks.len());
        if pending < capacity && pending <= capacity / 2 {
            buffer.request(capacity - pending).await?;
        }
        Ok(())
    }

    async fn record(&mut self, done: Result<Processed, JoinError>, buffer: &mut PullBuffer, limits: ConsumerLimits) {
        // The worker catches a handler's panic, and only dropping the set cancels tasks.
        let Ok(processed) = done else { return };
        if let Some(turns) = &mut self.turns {
            turns.ended(processed.sequence);
        }
        match processed.result {
            ProcessResult::Sent(outcome) => {
                let settled = self.settled(outcome, &processed);
                if let Some(user) = processed.user.filter(|_| settled) {
                    Turns::applied(buffer, user);
                }
            }
            ProcessResult::Kept(in_flight) => {
                self.prefetch.on_failure();
                buffer.keep(in_flight);
            }
            ProcessResult::Held(held) => {
                if let Some(excess) = buffer.held.insert(held, limits.max_deliver) {
                    self.worker.context.give_back(&excess.in_flight, excess.missing).await;
                }
            }
        }
    }

    /// Records what a handler did that ended after reading did.
    async fn finish(&mut self, done: Result<Processed, JoinError>) {
        let Ok(processed) = done else { return };
        match &processed.result {
            ProcessResult::Sent(outcome) => {
                self.settled(*outcome, &processed);
            }
            ProcessResult::Kept(in_flight) => {
                self.worker.context.retry_later(in_flight).await;
            }
            ProcessResult::Held(held) => {
                self.worker.context.give_back(&held.in_flight, held.missing).await;
            }
        }
    }

    /// Adapts to the outcome of a message. Returns whether it is settled.
    fn settled(&mut self, outcome: DeliveryOutcome, processed: &Processed) -> bool {
        match outcome {
            DeliveryOutcome::Retried => {
                self.prefetch.on_failure();
                return false;
            }
            DeliveryOutcome::GivenBack | DeliveryOutcome::Kept => return false,
            DeliveryOutcome::DeadLettered => self.prefetch.on_failure(),
            _ if processed.attempt > 1 => {}
            _ => self.prefetch.on_success(processed.took, self.concurrency()),
        }
        self.resume.settled(processed.sequence);
        true
    }
}

/// Waits until a kept event is tried again, if any are kept.
async fn next_try(paused_until: Option<Instant>) {
    match paused_until {
        Some(until) => tokio::time::sleep_until(until).await,
        None => std::future::pending().await,
    }
}

/// Waits until held events have to be checked, if any are.
async fn due(turns: Option<&Turns>) {
    match turns {
        Some(turns) => turns.due().await,
        None => std::future::pending().await,
    }
}
