//! A batch from its delivery to its acknowledgements.

use futures_util::{StreamExt as _, TryFutureExt as _, stream};
use tokio::time::Instant;
use tracing::{Instrument as _, debug, info_span, warn};

use super::delivery::{Delivery, Failure, Handled, Held};
use super::metrics::Outcome;
use super::settle::{Desk, Limits, Verdict, keep_alive};
use super::worker::{judged, span};
use crate::received::Received;

/// How many answers are on their way to the server at the same time.
const ANSWERS: usize = 64;

pub(super) struct BatchWorker<H> {
    pub(super) desk: Desk,
    pub(super) handler: H,
}

impl<H, F> BatchWorker<H>
where
    H: Fn(Vec<(Received, Delivery)>) -> F + Send + Sync,
    F: Future<Output = Result<(), Failure>> + Send,
{
    /// Returns what became of each message, by its sequence.
    pub(super) async fn process(&self, batch: Vec<Held>, limits: Limits) -> Vec<(u64, Outcome)> {
        let durable = &self.desk.subscriber.mode.name;
        let first = batch.first().map(|held| held.delivery.stream_sequence);
        let span = info_span!("batch", durable, messages = batch.len(), first);
        self.handle_and_settle(&batch, limits).instrument(span).await
    }

    async fn handle_and_settle(&self, batch: &[Held], limits: Limits) -> Vec<(u64, Outcome)> {
        let begun = Instant::now();
        batch.iter().for_each(|held| self.desk.received(held));
        let verdicts = keep_alive(batch, limits.ack_wait, self.judge(batch, limits)).await;
        let took = begun.elapsed();
        let answers = batch.iter().zip(verdicts).map(async |(held, verdict)| {
            let quiet = matches!(verdict, Verdict::Done(_));
            let settling = self.desk.settle(held, limits, verdict, took);
            let outcome = if quiet {
                settling.await
            } else {
                settling.instrument(span(&self.desk.subscriber.mode.name, held)).await
            };
            (held.delivery.stream_sequence, outcome)
        });
        let answers: Vec<_> = answers.collect();
        stream::iter(answers).buffered(ANSWERS).collect().await
    }

    /// One verdict for each message.
    async fn judge(&self, batch: &[Held], limits: Limits) -> Vec<Verdict> {
        let mut events = Vec::with_capacity(batch.len());
        let mut unhandled = Vec::with_capacity(batch.len());
        for held in batch {
            let read = self.desk.read(held);
            unhandled.push(
                read.map(|received| events.push((received, held.delivery.clone())))
                    .err(),
            );
        }
        let count = events.len();
        let common = if events.is_empty() {
            Verdict::Done(Handled::Now)
        } else {
            self.ask(events).await
        };
        if let Verdict::Retry(reason) | Verdict::Poison(reason) = &common {
            warn!(reason, events = count, "the batch failed");
        }
        let mut verdicts = Vec::with_capacity(batch.len());
        for (unhandled, held) in unhandled.into_iter().zip(batch) {
            verdicts.push(match unhandled {
                Some(verdict) => verdict,
                None if count > 1 && gives_up(&common, held, limits) => self.alone(held).await,
                None => common.clone(),
            });
        }
        verdicts
    }

    async fn alone(&self, held: &Held) -> Verdict {
        debug!(
            sequence = held.delivery.stream_sequence,
            "the event is handed over alone"
        );
        match self.desk.read(held) {
            Ok(received) => self.ask(vec![(received, held.delivery.clone())]).await,
            Err(verdict) => verdict,
        }
    }

    async fn ask(&self, events: Vec<(Received, Delivery)>) -> Verdict {
        judged(async { (self.handler)(events).map_ok(|()| Handled::Now).await }).await
    }
}

/// Whether the verdict makes a dead letter of the message.
fn gives_up(verdict: &Verdict, held: &Held, limits: Limits) -> bool {
    match verdict {
        Verdict::Done(_) => false,
        Verdict::Retry(_) => limits.is_last(held),
        Verdict::Poison(_) => true,
    }
}
