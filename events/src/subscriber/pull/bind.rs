//! Finding the durable on the server, or creating it.

use std::time::Duration;

use async_nats::jetstream::consumer::{AckPolicy, Config, DeliverPolicy, PullConsumer, pull};
use async_nats::jetstream::stream::{
    ConsumerCreateStrictError, ConsumerCreateStrictErrorKind, ConsumerError, ConsumerErrorKind,
};
use async_nats::jetstream::{Context as JetStream, ErrorCode};
use time::OffsetDateTime;
use tracing::warn;

use crate::catalogue::USER_EVENTS;
use crate::subscriber::builder::{Durable, Subscriber};
use crate::subscriber::error::SubscribeError;
use crate::subscriber::order;

/// Fewer deliveries could be used up by restarts while an event waits for others.
const MIN_ORDERED_DELIVER: i64 = 20;

/// Why there is no consumer to read from.
pub(crate) enum BindError {
    /// A later attempt may succeed: the server is unavailable, the stream does not exist yet, or
    /// another program created the durable first.
    Transient(Box<dyn std::error::Error + Send + Sync>),
    /// No attempt will succeed.
    Permanent(SubscribeError),
}

/// Uses the durable as it is, which needs the fewest permissions. Creates it when there is none.
pub(crate) async fn bind(
    jetstream: &JetStream,
    subscriber: &Subscriber<Durable>,
    resume_from: Option<OffsetDateTime>,
) -> Result<PullConsumer, BindError> {
    let durable = &subscriber.mode.name;
    if subscriber.mode.hole_timeout.is_some() && !subscriber.events.is_empty() {
        return Err(BindError::Permanent(SubscribeError::Unordered { durable: durable.clone() }));
    }
    let consumer = match jetstream.get_consumer_from_stream(durable, &subscriber.stream).await {
        Err(error) if has_code(&error, ErrorCode::CONSUMER_NOT_FOUND) => {
            create(jetstream, subscriber, resume_from).await
        }
        found => found.map_err(|source| match source.kind() {
            ConsumerErrorKind::InvalidName | ConsumerErrorKind::InvalidConsumerType => unusable(durable, source),
            ConsumerErrorKind::JetStream(answer) if answer.code() == 400 => unusable(durable, source),
            ConsumerErrorKind::TimedOut => unanswered("INFO", subscriber),
            _ => BindError::Transient(Box::new(source)),
        }),
    }?;
    let config = &consumer.cached_info().config;
    check(config, subscriber).map_err(BindError::Permanent)?;
    if subscriber.mode.hole_timeout.is_some() && (1..MIN_ORDERED_DELIVER).contains(&config.max_deliver) {
        warn!(
            durable,
            max_deliver = config.max_deliver,
            "the durable delivers an event too rarely: one that waits for others may be lost when programs restart",
        );
    }
    Ok(consumer)
}

async fn create(
    jetstream: &JetStream,
    subscriber: &Subscriber<Durable>,
    resume_from: Option<OffsetDateTime>,
) -> Result<PullConsumer, BindError> {
    let config = config(subscriber, resume_from);
    jetstream
        .create_consumer_strict_on_stream(config, &subscriber.stream)
        .await
        .map_err(|source| match source.kind() {
            ConsumerCreateStrictErrorKind::JetStream(answer) if answer.code() == 400 => not_created(subscriber, source),
            ConsumerCreateStrictErrorKind::InvalidName => not_created(subscriber, source),
            ConsumerCreateStrictErrorKind::TimedOut => unanswered("CREATE", subscriber),
            _ => BindError::Transient(Box::new(source)),
        })
}

fn config(subscriber: &Subscriber<Durable>, resume_from: Option<OffsetDateTime>) -> pull::Config {
    let durable = &subscriber.mode;
    pull::Config {
        durable_name: Some(durable.name.clone()),
        name: Some(durable.name.clone()),
        deliver_policy: resume_from.map_or(DeliverPolicy::All, |start_time| DeliverPolicy::ByStartTime { start_time }),
        ack_policy: AckPolicy::Explicit,
        ack_wait: durable.ack_wait,
        max_deliver: deliveries(durable).into(),
        max_ack_pending: durable.max_ack_pending.into(),
        filter_subjects: subscriber.filters(),
        ..Default::default()
    }
}

/// How often the server delivers a message of a durable that this program creates.
fn deliveries(durable: &Durable) -> u32 {
    match durable.hole_timeout {
        Some(_) => durable.max_deliver.max(order::MAX_DELIVER),
        None => durable.max_deliver,
    }
}

/// A durable that an administrator created may have other limits, but it must deliver what the
/// subscriber wants, and wait for acknowledgements.
fn check(config: &Config, subscriber: &Subscriber<Durable>) -> Result<(), SubscribeError> {
    let durable = &subscriber.mode.name;
    if config.ack_policy != AckPolicy::Explicit {
        return Err(SubscribeError::NotExplicit { durable: durable.clone() });
    }
    let filters: Vec<&str> = std::iter::once(&config.filter_subject)
        .chain(&config.filter_subjects)
        .map(String::as_str)
        .filter(|filter| !filter.is_empty())
        .collect();
    let ordered = subscriber.mode.hole_timeout.is_some();
    let missing = subscriber
        .events
        .iter()
        .map(|kind| kind.filter())
        .chain(ordered.then_some(USER_EVENTS))
        .find(|subject| !filters.is_empty() && !filters.iter().any(|filter| covers(filter, subject)));
    missing.map_or(Ok(()), |subject| Err(SubscribeError::Filtered { durable: durable.clone(), subject }))
}

/// Whether a NATS subject filter matches a subject: `*` is one token, a final `>` is one or more.
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

/// After how long without an acknowledgement or a progress report the server redelivers a message.
pub(crate) fn ack_wait(consumer: &PullConsumer) -> Duration {
    const SERVER_DEFAULT: Duration = Duration::from_secs(30);
    Some(consumer.cached_info().config.ack_wait)
        .filter(|wait| !wait.is_zero())
        .unwrap_or(SERVER_DEFAULT)
}

/// How many times one message is delivered; `None` for no limit.
pub(crate) fn max_deliver(consumer: &PullConsumer) -> Option<u32> {
    u32::try_from(consumer.cached_info().config.max_deliver).ok().filter(|times| *times > 0)
}

fn has_code(error: &ConsumerError, code: ErrorCode) -> bool {
    matches!(error.kind(), ConsumerErrorKind::JetStream(answer) if answer.error_code() == code)
}

/// The server does not answer a request for which the user has no permission, so that a missing
/// permission looks like an outage.
fn unanswered(request: &str, subscriber: &Subscriber<Durable>) -> BindError {
    let (stream, durable) = (&subscriber.stream, &subscriber.mode.name);
    let subject = format!("$JS.API.CONSUMER.{request}.{stream}.{durable}");
    BindError::Transient(
        format!("no answer: the server is unavailable, or this user may not publish on {subject}").into(),
    )
}

fn unusable(durable: &str, source: ConsumerError) -> BindError {
    BindError::Permanent(SubscribeError::Consumer { durable: durable.to_owned(), source: source.into() })
}

fn not_created(subscriber: &Subscriber<Durable>, source: ConsumerCreateStrictError) -> BindError {
    BindError::Permanent(SubscribeError::Create { durable: subscriber.mode.name.clone(), source: source.into() })
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
