//! Binding to the durable, and binding again wherever reading stops.

use async_nats::jetstream::consumer::PullConsumer;
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use super::ahead;
use super::bind::{self, BindError};
use super::buffer::{PullBuffer, ReadError};
use super::resume::Resume;
use crate::subscriber::RECONNECT_BACKOFF;
use crate::subscriber::error::SubscribeError;
use crate::subscriber::handler::context::{ConsumerLimits, Context};

/// A way to pass messages to handlers.
pub(crate) trait Reader {
    fn context(&self) -> &Context;
    fn resume(&mut self) -> &mut Resume;

    /// Reads until it is stopped (`Ok`) or the binding breaks. The caller then releases the buffer.
    fn read(
        &mut self,
        buffer: &mut PullBuffer,
        limits: ConsumerLimits,
    ) -> impl Future<Output = Result<(), ReadError>> + Send;
}

/// Reads until `stop` is cancelled.
pub(crate) async fn read_until_stopped<R: Reader>(
    reader: &mut R,
    stop: &CancellationToken,
) -> Result<(), SubscribeError> {
    let mut failures = 0;
    while !stop.is_cancelled() {
        let resume_from = reader.resume().point();
        let context = reader.context();
        let bound = tokio::select! {
            biased;
            () = stop.cancelled() => return Ok(()),
            bound = bind::bind(&context.jetstream, &context.subscriber, resume_from) => bound,
        };
        let (durable, stream) = (context.subscriber.mode.name.clone(), context.subscriber.stream.clone());
        failures += 1;
        match bound {
            Err(BindError::Permanent(error)) => return Err(error),
            Err(BindError::Transient(error)) => {
                warn!(durable, stream, error = &*error, "cannot reach the consumer; retrying");
            }
            Ok(consumer) if ahead::set_back(context, consumer.cached_info()).await => {}
            Ok(consumer) => match read_binding(reader, &consumer).await {
                Ok(()) => return Ok(()),
                Err((error, after_messages)) => {
                    let error = &error as &dyn std::error::Error;
                    warn!(durable, stream, error, "reading stopped; binding again");
                    if after_messages {
                        failures = 1;
                    }
                }
            },
        }
        tokio::select! {
            () = stop.cancelled() => {}
            () = tokio::time::sleep(RECONNECT_BACKOFF.after(failures)) => {}
        }
    }
    Ok(())
}

/// Reads from one binding. The error also says whether messages arrived before it broke.
async fn read_binding<R: Reader>(reader: &mut R, consumer: &PullConsumer) -> Result<(), (ReadError, bool)> {
    let ack_floor = consumer.cached_info().ack_floor.stream_sequence;
    reader.resume().settled_up_to(ack_floor);
    let limits = ConsumerLimits {
        ack_wait: bind::ack_wait(consumer),
        max_deliver: bind::max_deliver(consumer),
    };
    let context = reader.context();
    let opened = PullBuffer::open(&context.jetstream, &context.client, consumer, limits.ack_wait).await;
    let mut buffer = opened.map_err(|error| (error, false))?;
    info!(durable = context.subscriber.mode.name, "subscribed");
    let ended = reader.read(&mut buffer, limits).await;
    let after_messages = buffer.has_delivered();
    buffer.release().await;
    ended.map_err(|error| (error, after_messages))
}
