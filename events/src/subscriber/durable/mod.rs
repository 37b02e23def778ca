//! The loop of a durable subscriber that handles events one by one.

use std::sync::Arc;

use async_nats::jetstream;
use futures_util::TryFutureExt as _;
use tokio::task::{JoinError, JoinSet};
use tokio_util::sync::CancellationToken;

use super::ahead::Ahead;
use super::delivery::{Delivery, Failure, Handled};
use super::error::SubscribeError;
use super::intake::{Broken, Intake};
use super::metrics::Outcome;
use super::reading::{Reader, until_stopped};
use super::resume::Resume;
use super::settle::{Desk, Limits};
use super::worker::{Settled, Worker};
use super::{Connected, Durable};
use crate::received::Received;

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
        let stop = self.subscriber.stop.clone();
        let desk = self.desk();
        let mut reader = OneByOne {
            worker: Arc::new(Worker { desk, handler }),
            stop: stop.clone(),
            tasks: JoinSet::new(),
            resume: Resume::default(),
            ahead: Ahead::default(),
        };
        let result = until_stopped(&mut reader, &stop).await;
        while let Some(done) = reader.tasks.join_next().await {
            reader.note(done);
        }
        result
    }

    pub(super) fn desk(self) -> Desk {
        let Self { subscriber, client } = self;
        Desk {
            context: jetstream::new(client.clone()),
            client,
            subscriber,
        }
    }
}

struct OneByOne<H> {
    worker: Arc<Worker<H>>,
    stop: CancellationToken,
    tasks: JoinSet<Settled>,
    resume: Resume,
    ahead: Ahead,
}

impl<H, F> Reader for OneByOne<H>
where
    H: Fn(Received, Delivery) -> F + Send + Sync + 'static,
    F: Future<Output = Result<Handled, Failure>> + Send + 'static,
{
    fn desk(&self) -> &Desk {
        &self.worker.desk
    }

    fn resume(&mut self) -> &mut Resume {
        &mut self.resume
    }

    async fn read(&mut self, intake: &mut Intake, limits: Limits) -> Result<(), Broken> {
        self.ahead = Ahead::default();
        let stop = self.stop.clone();
        loop {
            self.begin(intake, limits);
            tokio::select! {
                biased;
                () = stop.cancelled() => return Ok(()),
                asked = self.ask(intake) => asked?,
            }
            tokio::select! {
                biased;
                () = stop.cancelled() => return Ok(()),
                Some(done) = self.tasks.join_next() => self.note(done),
                pumped = intake.pump() => pumped?,
            }
            if self.resume.is_crowded() {
                self.resume.settled_up_to(intake.floor().await?);
            }
        }
    }
}

impl<H, F> OneByOne<H>
where
    H: Fn(Received, Delivery) -> F + Send + Sync + 'static,
    F: Future<Output = Result<Handled, Failure>> + Send + 'static,
{
    fn handlers(&self) -> usize {
        self.worker.desk.subscriber.mode.concurrency
    }

    /// Gives held messages to free handlers.
    fn begin(&mut self, intake: &mut Intake, limits: Limits) {
        while self.tasks.len() < self.handlers()
            && let Some(held) = intake.take()
        {
            self.resume
                .received(held.delivery.stream_sequence, held.delivery.published);
            if held.delivery.attempt > 1 {
                self.ahead.went_wrong();
            }
            self.tasks.spawn(Arc::clone(&self.worker).process(held, limits));
        }
    }

    /// Asks for messages when there are fewer than half of those that handlers and [`Ahead`] can take.
    async fn ask(&self, intake: &mut Intake) -> Result<(), Broken> {
        let room = self.handlers() + self.ahead.now() - self.tasks.len();
        let coming = intake.coming();
        if coming < room && coming <= room / 2 {
            intake.ask(room - coming).await?;
        }
        Ok(())
    }

    fn note(&mut self, done: Result<Settled, JoinError>) {
        // A handler's panic is caught where it happens, and tasks are cancelled by dropping the set alone.
        let Ok(settled) = done else { return };
        match settled.outcome {
            Outcome::Retried => return self.ahead.went_wrong(),
            Outcome::DeadLettered => self.ahead.went_wrong(),
            _ if settled.attempt > 1 => {}
            _ => self.ahead.went_well(settled.took, self.handlers()),
        }
        self.resume.settled(settled.sequence);
    }
}
