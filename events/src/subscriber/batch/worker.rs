//! A batch from its delivery to its acknowledgements.

use futures_util::{StreamExt as _, TryFutureExt as _, stream};
use tokio::time::Instant;
use tracing::{Instrument as _, debug, info_span, warn};

use crate::received::ReceivedEvent;
use crate::subscriber::delivery::{DeliveryInfo, Handled, HandlerError, InFlight};
use crate::subscriber::handler::context::{ConsumerLimits, Context, keep_alive};
use crate::subscriber::handler::verdict::{Verdict, event_span};
use crate::subscriber::metrics::DeliveryOutcome;

/// How many acknowledgements wait for the server at once.
const MAX_PENDING_ACKS: usize = 64;

pub(super) struct BatchWorker<H> {
    pub(super) context: Context,
    pub(super) handler: H,
}

impl<H, F> BatchWorker<H>
where
    H: Fn(Vec<(ReceivedEvent, DeliveryInfo)>) -> F + Send + Sync,
    F: Future<Output = Result<(), HandlerError>> + Send,
{
    /// Returns the outcome of each message.
    pub(super) async fn process(&self, batch: &[InFlight], limits: ConsumerLimits) -> Vec<DeliveryOutcome> {
        let durable = self.context.durable();
        let first = batch.first().map(|in_flight| in_flight.delivery.stream_sequence);
        let span = info_span!("batch", durable, messages = batch.len(), first);
        self.handle_and_settle(batch, limits).instrument(span).await
    }

    async fn handle_and_settle(&self, batch: &[InFlight], limits: ConsumerLimits) -> Vec<DeliveryOutcome> {
        let started = Instant::now();
        let received = batch.iter().filter(|in_flight| !in_flight.is_kept);
        received.for_each(|in_flight| self.context.report_received(in_flight));
        let verdicts = keep_alive(batch, limits.ack_wait, self.verdicts(batch, limits)).await;
        let took = started.elapsed();
        let acks = batch.iter().zip(verdicts).map(async |(in_flight, verdict)| {
            let logs_nothing = matches!(verdict, Verdict::Done(_));
            let settling = self.context.settle(in_flight, limits, verdict, took);
            if logs_nothing {
                settling.await
            } else {
                settling.instrument(event_span(self.context.durable(), in_flight)).await
            }
        });
        let acks: Vec<_> = acks.collect();
        stream::iter(acks).buffered(MAX_PENDING_ACKS).collect().await
    }

    /// Returns one verdict for each message.
    async fn verdicts(&self, batch: &[InFlight], limits: ConsumerLimits) -> Vec<Verdict> {
        let mut events = Vec::with_capacity(batch.len());
        let mut unhandled = Vec::with_capacity(batch.len());
        for in_flight in batch {
            let decoded = self.context.decode(in_flight);
            unhandled.push(decoded.map(|received| events.push((received, in_flight.delivery.clone()))).err());
        }
        let count = events.len();
        let sequences: Vec<u64> = events.iter().map(|(_, delivery)| delivery.stream_sequence).collect();
        let common = if events.is_empty() {
            Verdict::Done(Handled::Unwanted)
        } else {
            self.context.weigh(&sequences, self.handle(events).await)
        };
        if let Verdict::Retry(reason) | Verdict::Poison(reason) = &common {
            warn!(reason, events = count, "batch failed");
        }
        let outage = &self.context.outage;
        let mut verdicts = Vec::with_capacity(batch.len());
        for (unhandled, in_flight) in unhandled.into_iter().zip(batch) {
            verdicts.push(match unhandled {
                Some(verdict) => verdict,
                None if count == 1 || !needs_proof(&common, in_flight, limits) => common.clone(),
                // Those before it failed alone too.
                None if outage.paused_until().is_some() => Verdict::Keep("all events fail".to_owned()),
                None => self.handle_alone(in_flight).await,
            });
        }
        if outage.paused_until().is_some() {
            return verdicts.into_iter().map(kept).collect();
        }
        verdicts
    }

    async fn handle_alone(&self, in_flight: &InFlight) -> Verdict {
        let sequence = in_flight.delivery.stream_sequence;
        debug!(sequence, "handling the event alone");
        match self.context.decode(in_flight) {
            Ok(received) => {
                let verdict = self.handle(vec![(received, in_flight.delivery.clone())]).await;
                self.context.weigh(&[sequence], verdict)
            }
            Err(verdict) => verdict,
        }
    }

    async fn handle(&self, events: Vec<(ReceivedEvent, DeliveryInfo)>) -> Verdict {
        let work = async { (self.handler)(events).map_ok(|()| Handled::Applied).await };
        self.context.verdict(work).await
    }
}

/// The verdict on an event of a batch while everything fails.
fn kept(verdict: Verdict) -> Verdict {
    match verdict {
        Verdict::Retry(reason) => Verdict::Keep(reason),
        other => other,
    }
}

/// Whether the event may become a dead letter for what the batch did, so that it is handled alone.
fn needs_proof(verdict: &Verdict, in_flight: &InFlight, limits: ConsumerLimits) -> bool {
    match verdict {
        Verdict::Done(_) | Verdict::Keep(_) => false,
        Verdict::Retry(_) => limits.is_half_used(in_flight),
        Verdict::Poison(_) => true,
    }
}
