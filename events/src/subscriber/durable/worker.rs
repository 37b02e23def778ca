//! One message from its delivery to its acknowledgement.

use std::slice;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;
use tracing::{Instrument as _, Span};

use crate::received::ReceivedEvent;
use crate::subscriber::delivery::{DeliveryInfo, Handled, HandlerError, InFlight};
use crate::subscriber::handler::context::{ConsumerLimits, Context, keep_alive};
use crate::subscriber::handler::verdict::{Verdict, event_span};
use crate::subscriber::metrics::DeliveryOutcome;

pub(super) struct Worker<H> {
    pub(super) context: Context,
    pub(super) handler: H,
}

/// The outcome of one message, and how long it was processed.
pub(super) struct Processed {
    pub(super) sequence: u64,
    pub(super) attempt: u32,
    pub(super) outcome: DeliveryOutcome,
    pub(super) took: Duration,
}

impl<H, F> Worker<H>
where
    H: Fn(ReceivedEvent, DeliveryInfo) -> F + Send + Sync,
    F: Future<Output = Result<Handled, HandlerError>> + Send,
{
    pub(super) async fn process(self: Arc<Self>, in_flight: InFlight, limits: ConsumerLimits) -> Processed {
        let span = event_span(self.context.durable(), &in_flight);
        let work = async {
            let started = Instant::now();
            self.context.report_received(&in_flight);
            let verdict = self.handle(&in_flight);
            let verdict = keep_alive(slice::from_ref(&in_flight), limits.ack_wait, verdict).await;
            let outcome = self.context.settle(&in_flight, limits, verdict, started.elapsed()).await;
            Processed {
                sequence: in_flight.delivery.stream_sequence,
                attempt: in_flight.delivery.attempt,
                outcome,
                took: started.elapsed(),
            }
        };
        work.instrument(span).await
    }

    async fn handle(&self, in_flight: &InFlight) -> Verdict {
        let received = match self.context.decode(in_flight) {
            Ok(received) => received,
            Err(verdict) => return verdict,
        };
        Span::current().record("event_id", tracing::field::display(received.id));
        // The closure is called inside the guarded future: it may panic before it returns one.
        Verdict::of(async { (self.handler)(received, in_flight.delivery.clone()).await }).await
    }
}
