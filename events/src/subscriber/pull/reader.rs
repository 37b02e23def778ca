//! Binding to the durable, and binding again wherever reading breaks off.

use std::time::Duration;

use async_nats::jetstream::consumer::PullConsumer;
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use super::backoff::Backoff;
use super::bind::{self, Unbound};
use super::error::SubscribeError;
use super::intake::{Broken, Intake};
use super::resume::Resume;
use super::settle::{Desk, Limits};

/// Between attempts to reach the consumer: from 50 ms to 5 s.
const REBIND: Backoff = Backoff {
    first: Duration::from_millis(100),
    longest: Duration::from_secs(5),
};

/// A way of handing messages to handlers.
pub(super) trait Reader {
    fn desk(&self) -> &Desk;
    fn resume(&mut self) -> &mut Resume;

    /// Reads until it is stopped (`Ok`) or the binding breaks. What is left in the intake is given back afterwards.
    fn read(&mut self, intake: &mut Intake, limits: Limits) -> impl Future<Output = Result<(), Broken>> + Send;
}

/// Reads until `stop` is cancelled.
pub(super) async fn until_stopped<R: Reader>(reader: &mut R, stop: &CancellationToken) -> Result<(), SubscribeError> {
    let mut failures = 0;
    while !stop.is_cancelled() {
        let point = reader.resume().point();
        let desk = reader.desk();
        let bound = tokio::select! {
            biased;
            () = stop.cancelled() => return Ok(()),
            bound = bind::bind(&desk.context, &desk.subscriber, point) => bound,
        };
        let (durable, stream) = (desk.subscriber.mode.name.clone(), desk.subscriber.stream.clone());
        failures += 1;
        match bound {
            Err(Unbound::Never(error)) => return Err(error),
            Err(Unbound::Later(error)) => {
                warn!(durable, stream, error = &*error, "the consumer cannot be reached yet");
            }
            Ok(consumer) => match read(reader, &consumer).await {
                Ok(()) => return Ok(()),
                Err((broken, after_messages)) => {
                    warn!(
                        durable,
                        stream,
                        error = &broken as &dyn std::error::Error,
                        "reading broke off"
                    );
                    if after_messages {
                        failures = 1;
                    }
                }
            },
        }
        tokio::select! {
            () = stop.cancelled() => {}
            () = tokio::time::sleep(REBIND.after(failures)) => {}
        }
    }
    Ok(())
}

/// Reads from one binding. The error says, too, whether messages came before it broke.
async fn read<R: Reader>(reader: &mut R, consumer: &PullConsumer) -> Result<(), (Broken, bool)> {
    let floor = consumer.cached_info().ack_floor.stream_sequence;
    reader.resume().settled_up_to(floor);
    let limits = Limits {
        ack_wait: bind::ack_wait(consumer),
        max_deliver: bind::max_deliver(consumer),
    };
    let desk = reader.desk();
    let opened = Intake::open(&desk.context, &desk.client, consumer, limits.ack_wait).await;
    let mut intake = opened.map_err(|broken| (broken, false))?;
    info!(durable = desk.subscriber.mode.name, "subscribed");
    let ended = reader.read(&mut intake, limits).await;
    let after_messages = intake.has_delivered();
    intake.give_back().await;
    ended.map_err(|broken| (broken, after_messages))
}
