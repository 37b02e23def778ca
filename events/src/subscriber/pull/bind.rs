//! Finding the durable on the server, or making it.

use std::time::Duration;

use async_nats::jetstream::Context;
use async_nats::jetstream::ErrorCode;
use async_nats::jetstream::consumer::{AckPolicy, Config, DeliverPolicy, PullConsumer, pull};
use async_nats::jetstream::stream::{
    ConsumerCreateStrictError, ConsumerCreateStrictErrorKind, ConsumerError, ConsumerErrorKind,
};
use time::OffsetDateTime;

use super::error::SubscribeError;
use super::{Durable, Subscriber};
use crate::catalogue::EventKind;

/// Why there is no consumer to read from.
pub(super) enum Unbound {
    /// It may be there later: the server is away, the stream is not made yet, another program was faster.
    Later(Box<dyn std::error::Error + Send + Sync>),
    /// It will not.
    Never(SubscribeError),
}

/// Uses the durable as it is, which takes the least rights; makes it when there is none.
pub(super) async fn bind(
    context: &Context,
    subscriber: &Subscriber<Durable>,
    resume: Option<OffsetDateTime>,
) -> Result<PullConsumer, Unbound> {
    let durable = &subscriber.mode.name;
    let consumer = match context.get_consumer_from_stream(durable, &subscriber.stream).await {
        Err(error) if is(&error, ErrorCode::CONSUMER_NOT_FOUND) => create(context, subscriber, resume).await,
        found => found.map_err(|source| match source.kind() {
            ConsumerErrorKind::InvalidName | ConsumerErrorKind::InvalidConsumerType => never(durable, source),
            ConsumerErrorKind::JetStream(answer) if answer.code() == 400 => never(durable, source),
            ConsumerErrorKind::TimedOut => unanswered("INFO", subscriber),
            _ => Unbound::Later(Box::new(source)),
        }),
    }?;
    check(&consumer.cached_info().config, durable, &subscriber.events).map_err(Unbound::Never)?;
    Ok(consumer)
}

async fn create(
    context: &Context,
    subscriber: &Subscriber<Durable>,
    resume: Option<OffsetDateTime>,
) -> Result<PullConsumer, Unbound> {
    let config = config(subscriber, resume);
    context
        .create_consumer_strict_on_stream(config, &subscriber.stream)
        .await
        .map_err(|source| match source.kind() {
            ConsumerCreateStrictErrorKind::JetStream(answer) if answer.code() == 400 => refused(subscriber, source),
            ConsumerCreateStrictErrorKind::InvalidName => refused(subscriber, source),
            ConsumerCreateStrictErrorKind::TimedOut => unanswered("CREATE", subscriber),
            _ => Unbound::Later(Box::new(source)),
        })
}

fn config(subscriber: &Subscriber<Durable>, resume: Option<OffsetDateTime>) -> pull::Config {
    let durable = &subscriber.mode;
    pull::Config {
        durable_name: Some(durable.name.clone()),
        name: Some(durable.name.clone()),
        deliver_policy: resume.map_or(DeliverPolicy::All, |start_time| DeliverPolicy::ByStartTime {
            start_time,
        }),
        ack_policy: AckPolicy::Explicit,
        ack_wait: durable.ack_wait,
        max_deliver: durable.max_deliver.into(),
        max_ack_pending: durable.max_ack_pending.into(),
        filter_subjects: subscriber.filters(),
        ..Default::default()
    }
}

/// A durable made by someone else may differ in its limits, but it has to deliver what is asked for, and
/// wait for the answer.
fn check(config: &Config, durable: &str, events: &[EventKind]) -> Result<(), SubscribeError> {
    if config.ack_policy != AckPolicy::Explicit {
        return Err(SubscribeError::NotExplicit {
            durable: durable.to_owned(),
        });
    }
    let filters: Vec<&str> = std::iter::once(&config.filter_subject)
        .chain(&config.filter_subjects)
        .map(String::as_str)
        .filter(|filter| !filter.is_empty())
        .collect();
    let missing = events
        .iter()
        .map(|kind| kind.subject())
        .find(|subject| !filters.is_empty() && !filters.iter().any(|filter| covers(filter, subject)));
    missing.map_or(Ok(()), |subject| {
        Err(SubscribeError::Filtered {
            durable: durable.to_owned(),
            subject,
        })
    })
}

/// Whether a NATS subject filter matches a subject: `*` is one token, a last `>` is one or more.
fn covers(filter: &str, subject: &str) -> bool {
    let mut tokens = subject.split('.');
    for wanted in filter.split('.') {
        match (wanted, tokens.next()) {
            (">", Some(_)) => return true,
            (wanted, Some(token)) if wanted == "*" || wanted == token => {}
            _ => return false,
        }
    }
    tokens.next().is_none()
}

/// After how long without a sign the server gives a message to someone else.
pub(super) fn ack_wait(consumer: &PullConsumer) -> Duration {
    const SERVER_DEFAULT: Duration = Duration::from_secs(30);
    Some(consumer.cached_info().config.ack_wait)
        .filter(|wait| !wait.is_zero())
        .unwrap_or(SERVER_DEFAULT)
}

/// How often one message is delivered; `None` when there is no end.
pub(super) fn max_deliver(consumer: &PullConsumer) -> Option<u32> {
    u32::try_from(consumer.cached_info().config.max_deliver)
        .ok()
        .filter(|times| *times > 0)
}

fn is(error: &ConsumerError, code: ErrorCode) -> bool {
    matches!(error.kind(), ConsumerErrorKind::JetStream(answer) if answer.error_code() == code)
}

/// The server answers nothing to a request that the user may not make, so that a missing right looks like an outage.
fn unanswered(request: &str, subscriber: &Subscriber<Durable>) -> Unbound {
    let (stream, durable) = (&subscriber.stream, &subscriber.mode.name);
    let right = format!("$JS.API.CONSUMER.{request}.{stream}.{durable}");
    Unbound::Later(format!("no answer: the server is away, or this user may not publish on {right}").into())
}

fn never(durable: &str, source: ConsumerError) -> Unbound {
    Unbound::Never(SubscribeError::Consumer {
        durable: durable.to_owned(),
        source,
    })
}

fn refused(subscriber: &Subscriber<Durable>, source: ConsumerCreateStrictError) -> Unbound {
    Unbound::Never(SubscribeError::Create {
        durable: subscriber.mode.name.clone(),
        source,
    })
}

#[cfg(test)]
mod tests {
    use super::covers;

    #[test]
    fn a_filter_covers_a_subject_token_by_token() {
        for filter in ["auth.user.registered", "auth.user.*", "auth.>", ">", "*.*.*"] {
            assert!(covers(filter, "auth.user.registered"), "{filter}");
        }
        for filter in [
            "auth.user",
            "auth.user.*.*",
            "auth.user.logged_in",
            "auth.user.registered.>",
            "*.*",
        ] {
            assert!(!covers(filter, "auth.user.registered"), "{filter}");
        }
    }
}
