//! A durable that is ahead of its stream.
//!
//! A stream that lost its end, for instance in a power failure, assigns the same sequences again. A
//! consumer whose position is behind them gets none of these messages. A server sets such a
//! consumer back by itself only from 2.14 on, and only one without replicas.

use std::error::Error;
use std::time::Duration;

use async_nats::jetstream::Context as JetStream;
use async_nats::jetstream::consumer::{Config, DeliverPolicy, Info, pull};
use async_nats::jetstream::stream::Stream;
use tokio::time::timeout;
use tracing::{debug, error, warn};

use crate::subscriber::handler::context::Context;

/// How long the server may take to tell the state of the stream. A user who may not ask gets no
/// answer.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(2);

/// Sets the durable back if it is ahead of its stream. Returns whether it did.
///
/// It begins again: nothing tells which messages took the place of lost ones. Events that were
/// handled before come twice, and none is lost.
pub(crate) async fn set_back(context: &Context, info: &Info) -> bool {
    let position = info.delivered.stream_sequence;
    // Only a durable without anything to deliver can be ahead.
    if info.num_pending > 0 || position == 0 || !context.may_read_stream() {
        return false;
    }
    let Some(stream) = stream(context).await else {
        return false;
    };
    let last = stream.cached_info().state.last_sequence;
    if position <= last {
        return false;
    }
    let durable = context.durable();
    let done = reset(&stream, &context.jetstream, info).await;
    match &done {
        Ok(()) => warn!(durable, position, last, "the stream lost its end; the durable begins again"),
        Err(error) => error!(
            durable,
            position,
            last,
            error = &**error,
            "the stream lost its end, and the durable skips what takes its place: delete the durable and create it \
             again, or allow this user to publish on $JS.API.CONSUMER.RESET",
        ),
    }
    context.subscriber.mode.observer.ahead_of_stream(done.is_ok());
    done.is_ok()
}

async fn stream(context: &Context) -> Option<Stream> {
    let name = &context.subscriber.stream;
    match timeout(ANSWER_TIMEOUT, context.jetstream.get_stream(name)).await {
        Ok(Ok(stream)) => Some(stream),
        Ok(Err(error)) => {
            debug!(error = &error as &dyn Error, "cannot read the stream's state");
            None
        }
        Err(_) => {
            debug!("no answer with the stream's state: this user may not publish on $JS.API.STREAM.INFO.{name}");
            context.must_not_read_stream();
            None
        }
    }
}

/// Servers before 2.14 cannot reset a consumer, and no server one to before its start. There it is
/// created again.
async fn reset(stream: &Stream, jetstream: &JetStream, info: &Info) -> Result<(), Box<dyn Error + Send + Sync>> {
    let deliver_policy = match info.config.deliver_policy {
        DeliverPolicy::All | DeliverPolicy::ByStartSequence { .. } => DeliverPolicy::All,
        by_time @ DeliverPolicy::ByStartTime { .. } => by_time,
        _ => DeliverPolicy::ByStartTime { start_time: info.created },
    };
    let reset = stream.reset_consumer(&info.name, Some(1));
    if deliver_policy == DeliverPolicy::All
        && let Ok(Ok(_)) = timeout(ANSWER_TIMEOUT, reset).await
    {
        return Ok(());
    }
    let config = pull_config(Config { deliver_policy, ..info.config.clone() })?;
    timeout(ANSWER_TIMEOUT, stream.delete_consumer(&info.name)).await??;
    jetstream.create_consumer_strict_on_stream(config, &info.stream_name).await?;
    Ok(())
}

fn pull_config(config: Config) -> Result<pull::Config, Box<dyn Error + Send + Sync>> {
    use async_nats::jetstream::consumer::FromConsumer as _;
    pull::Config::try_from_consumer_config(config)
}
