//! The loop of a durable subscriber that handles many events at once.

use std::time::Duration;

use tokio::time::sleep_until;
use tokio_util::sync::CancellationToken;

use super::batch_worker::BatchWorker;
use super::delivery::{Delivery, Failure, Held};
use super::error::SubscribeError;
use super::intake::{Broken, Intake};
use super::metrics::Outcome;
use super::reading::{Reader, until_stopped};
use super::resume::Resume;
use super::settle::{Desk, Limits};
use super::{Connected, Durable};
use crate::received::Received;

/// How many events make a batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Batches {
    /// No batch is larger. A durable that someone else made limits it, too, by its `max_ack_pending`.
    pub most: usize,
    /// The oldest event of a batch waits no longer than this for others.
    pub wait: Duration,
}

impl Default for Batches {
    /// Up to 500 events, gathered for at most a second.
    fn default() -> Self {
        Self {
            most: 500,
            wait: Duration::from_secs(1),
        }
    }
}

impl Connected<Durable> {
    /// Like [`run`](Self::run), with many events in one call, for stores that want large inserts. `Ok` acknowledges
    /// all of them. One batch is handled at a time, in the order of the stream, while the next one gathers.
    ///
    /// After [`Failure::Retry`] all of the batch come again. An event on its last attempt, and every event of a
    /// batch that is [`Failure::Poison`], is handed over once more alone, so that only those that fail alone
    /// become dead letters. A batch can therefore come in part, or again with others: make the inserts idempotent by
    /// [`Received::id`](crate::Received).
    ///
    /// ```no_run
    /// use watchword_events::Subscriber;
    /// use watchword_events::subscriber::Batches;
    ///
    /// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
    /// Subscriber::durable("analytics")
    ///     .connect("nats://127.0.0.1:4222")
    ///     .await?
    ///     .run_batches(Batches::default(), |events| async move {
    ///         let rows: Vec<_> = events.iter().map(|(received, _delivery)| received.raw().to_string()).collect();
    ///         insert(&rows.join("\n")).await?; // one insert, one answer for all
    ///         Ok(())
    ///     })
    ///     .await?;
    /// # Ok(()) }
    /// # async fn insert(_: &str) -> std::io::Result<()> { Ok(()) }
    /// ```
    ///
    /// # Errors
    /// As [`run`](Self::run).
    pub async fn run_batches<H, F>(mut self, batches: Batches, handler: H) -> Result<(), SubscribeError>
    where
        H: Fn(Vec<(Received, Delivery)>) -> F + Send + Sync + 'static,
        F: Future<Output = Result<(), Failure>> + Send + 'static,
    {
        let stop = self.subscriber.stop.clone();
        let most = batches.most.max(1);
        let mode = &mut self.subscriber.mode;
        if mode.max_ack_pending > 1 {
            // One batch is at work while the next one gathers.
            let both = u32::try_from(most.saturating_mul(2)).unwrap_or(u32::MAX);
            mode.max_ack_pending = mode.max_ack_pending.max(both);
        }
        let mut reader = InBatches {
            worker: BatchWorker {
                desk: self.desk(),
                handler,
            },
            batches: Batches { most, ..batches },
            stop: stop.clone(),
            resume: Resume::default(),
        };
        until_stopped(&mut reader, &stop).await
    }
}

struct InBatches<H> {
    worker: BatchWorker<H>,
    batches: Batches,
    stop: CancellationToken,
    resume: Resume,
}

impl<H, F> Reader for InBatches<H>
where
    H: Fn(Vec<(Received, Delivery)>) -> F + Send + Sync + 'static,
    F: Future<Output = Result<(), Failure>> + Send + 'static,
{
    fn desk(&self) -> &Desk {
        &self.worker.desk
    }

    fn resume(&mut self) -> &mut Resume {
        &mut self.resume
    }

    async fn read(&mut self, intake: &mut Intake, limits: Limits) -> Result<(), Broken> {
        let most = self.batches.most.min(intake.max_ack_pending());
        // The first message tells whether something went wrong before.
        let mut careful = true;
        loop {
            let wanted = if careful { 1 } else { most };
            tokio::select! {
                biased;
                () = self.stop.cancelled() => return Ok(()),
                gathered = gather(intake, wanted, self.batches.wait) => gathered?,
            }
            careful = intake.peek().is_some_and(|held| self.is_suspect(held, limits));
            if !careful && wanted < most {
                continue;
            }
            let batch = self.take(intake, wanted, limits);
            let next = if careful { Ok(()) } else { top_up(intake, most).await };
            self.work(intake, next, batch, limits).await?;
            if self.resume.is_crowded() {
                self.resume.settled_up_to(intake.floor().await?);
            }
        }
    }
}

impl<H, F> InBatches<H>
where
    H: Fn(Vec<(Received, Delivery)>) -> F + Send + Sync + 'static,
    F: Future<Output = Result<(), Failure>> + Send + 'static,
{
    /// An event that has used up half of its attempts without this program having put it back may have killed
    /// programs. It is fetched and handed over alone, so that it takes no others with it.
    fn is_suspect(&self, held: &Held, limits: Limits) -> bool {
        let Delivery {
            attempt,
            stream_sequence,
            ..
        } = held.delivery;
        let half = limits
            .max_deliver
            .is_some_and(|last| attempt > 1 && attempt.saturating_mul(2) >= last);
        half && !self.resume.is_open(stream_sequence)
    }

    fn take(&self, intake: &mut Intake, most: usize, limits: Limits) -> Vec<Held> {
        let mut batch = Vec::new();
        while batch.len() < most
            && let Some(next) = intake.peek()
            && (batch.is_empty() || !self.is_suspect(next, limits))
        {
            batch.extend(intake.take());
        }
        batch
    }

    /// Hands the batch over, and goes on taking in messages meanwhile unless the binding is `broken`. What was begun
    /// is finished, also when the subscriber is stopped or the binding breaks.
    async fn work(
        &mut self,
        intake: &mut Intake,
        mut broken: Result<(), Broken>,
        batch: Vec<Held>,
        limits: Limits,
    ) -> Result<(), Broken> {
        for held in &batch {
            self.resume
                .received(held.delivery.stream_sequence, held.delivery.published);
        }
        let work = self.worker.process(batch, limits);
        tokio::pin!(work);
        let settled = loop {
            tokio::select! {
                biased;
                settled = &mut work => break settled,
                pumped = intake.pump(), if broken.is_ok() => broken = pumped,
            }
        };
        for (sequence, outcome) in settled {
            if outcome != Outcome::Retried {
                self.resume.settled(sequence);
            }
        }
        broken
    }
}

/// Waits until `most` messages are held, or the oldest of them has waited for long enough.
async fn gather(intake: &mut Intake, most: usize, wait: Duration) -> Result<(), Broken> {
    loop {
        top_up(intake, most).await?;
        match intake.peek().map(|held| held.since) {
            _ if intake.len() >= most => return Ok(()),
            None => intake.pump().await?,
            Some(since) => tokio::select! {
                biased;
                pumped = intake.pump() => pumped?,
                () = sleep_until(since + wait) => return Ok(()),
            },
        }
    }
}

/// Asks for messages when fewer than half of `most` are coming.
async fn top_up(intake: &mut Intake, most: usize) -> Result<(), Broken> {
    let coming = intake.coming();
    if coming < most && coming <= most / 2 {
        intake.ask(most - coming).await?;
    }
    Ok(())
}
