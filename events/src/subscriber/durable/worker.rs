//! One message from its delivery to its acknowledgement.

use std::slice;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;
use tracing::{Instrument as _, Span};
use uuid::Uuid;

use crate::received::ReceivedEvent;
use crate::subscriber::delivery::{DeliveryInfo, Handled, HandlerError, InFlight};
use crate::subscriber::handler::context::{ConsumerLimits, Context, keep_alive};
use crate::subscriber::handler::verdict::{Verdict, event_span};
use crate::subscriber::metrics::DeliveryOutcome;
use crate::subscriber::order;
use crate::subscriber::pull::held::Held;

pub(super) struct Worker<H> {
    pub(super) context: Context,
    pub(super) handler: H,
}

/// What became of one message, and how long it was processed.
pub(super) struct Processed {
    pub(super) sequence: u64,
    pub(super) attempt: u32,
    /// The user whose next event may have its turn now.
    pub(super) user: Option<Uuid>,
    pub(super) result: ProcessResult,
    pub(super) took: Duration,
}

pub(super) enum ProcessResult {
    /// The server has the outcome.
    Sent(DeliveryOutcome),
    /// It waits for earlier events of its user.
    Held(Held),
    /// It waits until handlers succeed again.
    Kept(InFlight),
}

impl<H, F> Worker<H>
where
    H: Fn(ReceivedEvent, DeliveryInfo) -> F + Send + Sync,
    F: Future<Output = Result<Handled, HandlerError>> + Send,
{
    pub(super) async fn process(self: Arc<Self>, mut in_flight: InFlight, limits: ConsumerLimits) -> Processed {
        let span = event_span(self.context.durable(), &in_flight);
        let work = async {
            let started = Instant::now();
            if in_flight.held_since.is_none() && !in_flight.is_kept {
                self.context.report_received(&in_flight);
            }
            let (sequence, attempt) = (in_flight.delivery.stream_sequence, in_flight.delivery.attempt);
            let handled = self.handle(&in_flight);
            let (verdict, user) = keep_alive(slice::from_ref(&in_flight), limits.ack_wait, handled).await;
            let result = match (self.context.weigh(&[sequence], verdict), user) {
                (Verdict::Done(Handled::Ahead { missing }), Some((user, seq))) => {
                    in_flight.held_since.get_or_insert(started);
                    ProcessResult::Held(Held { in_flight, user, seq, missing })
                }
                (verdict, _) => match self.context.settle(&in_flight, limits, verdict, started.elapsed()).await {
                    DeliveryOutcome::Kept => ProcessResult::Kept(in_flight),
                    outcome => ProcessResult::Sent(outcome),
                },
            };
            let user = user.map(|(user, _)| user);
            Processed { sequence, attempt, user, result, took: started.elapsed() }
        };
        work.instrument(span).await
    }

    /// Returns the verdict, and the event's user and number.
    async fn handle(&self, in_flight: &InFlight) -> (Verdict, Option<(Uuid, i64)>) {
        let received = match self.context.decode(in_flight) {
            Ok(received) => received,
            Err(verdict) => return (verdict, None),
        };
        Span::current().record("event_id", tracing::field::display(received.id));
        let user = order::numbered(&received);
        // The closure is called inside the guarded future: it may panic before it returns one.
        let work = async { (self.handler)(received, in_flight.delivery.clone()).await };
        (self.context.verdict(work).await, user)
    }
}
