//! Lagging durables are reported before the stream discards events that they have not read.

use std::time::Duration;

use async_nats::jetstream::consumer::{DeliverPolicy, PullConsumer, pull};
use futures_util::StreamExt as _;
use secrecy::SecretString;
use serde_json::json;

use super::shipped;
use crate::relay::rig::{Rig, Running, STREAM, TIMEOUT, marks};
use crate::support::app::PASSWORD;
use crate::support::binary::{Binary, BinaryOptions};
use crate::support::database::Backend;
use crate::support::nats::NatsServer;
use crate::support::nats_users::{api, connect, password};
use crate::support::wait::eventually;

const CHECK_INTERVAL: Duration = Duration::from_millis(50);

/// Returns a rig whose stream holds 100 messages. The durable `reader` has unread events, and no
/// event matches the filter of the durable `idle`.
async fn small_stream() -> (NatsServer, Rig, PullConsumer) {
    let nats = NatsServer::start().await;
    let mut rig = Rig::new(Backend::Sqlite, &nats).await;
    rig.settings.stream.max_msgs = 100;
    rig.settings.stream.consumer_check = CHECK_INTERVAL;
    let definition = watchword::jetstream::desired(&rig.settings.stream).expect("the definition");
    let stream = nats.jetstream().await.create_stream(definition).await.expect("create the stream");
    let durable = |name: &str, filter: &str| pull::Config {
        durable_name: Some(name.to_owned()),
        filter_subject: filter.to_owned(),
        ..pull::Config::default()
    };
    stream.create_consumer(durable("idle", "auth.user.deleted")).await.expect("a durable");
    let reader = stream.create_consumer(durable("reader", "auth.user.logged_in")).await;
    (nats, rig, reader.expect("a durable"))
}

/// Returns a metric of a durable, if it exists.
fn consumer_metric(running: &Running, name: &str, durable: &str) -> Option<f64> {
    let start = format!("watchword_consumer_{name}{{durable=\"{durable}\"}} ");
    let text = running.metrics.render();
    text.lines().find_map(|line| line.strip_prefix(&start)?.parse().ok())
}

async fn wait_for_metric(running: &Running, name: &str, expected: f64) {
    eventually(TIMEOUT, || async {
        let shown = consumer_metric(running, name, "reader");
        if shown.is_some_and(|shown| (shown - expected).abs() < 1e-6) {
            Ok(())
        } else {
            Err(format!("{name} {shown:?}"))
        }
    })
    .await;
}

#[tokio::test]
async fn a_lagging_durable_is_reported_before_it_loses_events() {
    let (nats, rig, reader) = small_stream().await;
    let running = rig.start().await;
    rig.record(1, 85).await;
    wait_for_metric(&running, "pending_messages", 85.0).await;
    wait_for_metric(&running, "headroom_ratio", 0.15).await;
    wait_for_metric(&running, "headroom_messages", 0.0).await;
    rig.record(1, 10).await;
    wait_for_metric(&running, "pending_messages", 95.0).await;
    let headroom = consumer_metric(&running, "headroom_ratio", "reader").expect("a metric");
    assert!(headroom < 0.1, "{headroom}");
    assert_eq!(
        nats.messages(STREAM).await.first().map(|first| first.seq),
        Some(1),
        "no event is lost yet"
    );
    assert!(consumer_metric(&running, "oldest_age_seconds", "reader").is_some_and(|age| age > 0.0));
    // A durable is not behind when no event matches its filter.
    assert_eq!(consumer_metric(&running, "headroom_ratio", "idle"), Some(1.0));
    assert_eq!(consumer_metric(&running, "pending_messages", "idle"), Some(0.0));

    let mut messages = reader.messages().await.expect("read").take(95);
    while let Some(message) = messages.next().await {
        message.expect("a message").double_ack().await.expect("acknowledge");
    }
    wait_for_metric(&running, "pending_messages", 0.0).await;
    wait_for_metric(&running, "headroom_ratio", 1.0).await;
    wait_for_metric(&running, "headroom_messages", 95.0).await;
    let stream = nats.jetstream().await.get_stream(STREAM).await.expect("the stream");
    stream.delete_consumer("reader").await.expect("delete");
    eventually(TIMEOUT, || async { consumer_metric(&running, "pending_messages", "reader").is_none() }).await;
    running.stop().await;
}

/// As after a stream lost its end and its consumers did not.
#[tokio::test]
async fn a_durable_that_is_ahead_of_the_stream_is_reported() {
    let (nats, rig, _) = small_stream().await;
    // An older one moves such a durable back when it is created.
    if nats.lacks("durables ahead of their stream", (2, 11)).await {
        return;
    }
    let stream = nats.jetstream().await.get_stream(STREAM).await.expect("the stream");
    let config = pull::Config {
        durable_name: Some("ahead".to_owned()),
        deliver_policy: DeliverPolicy::ByStartSequence { start_sequence: 50 },
        ..pull::Config::default()
    };
    stream.create_consumer(config).await.expect("a durable");
    let running = rig.start().await;
    rig.record(1, 10).await;
    let ahead = |expected: f64| {
        let running = &running;
        eventually(TIMEOUT, move || async move {
            let shown = consumer_metric(running, "ahead_messages", "ahead");
            shown.is_some_and(|shown| (shown - expected).abs() < 1e-6).then_some(()).ok_or(shown)
        })
    };
    ahead(39.0).await;
    assert_eq!(consumer_metric(&running, "ahead_messages", "reader"), Some(0.0));
    rig.record(1, 40).await;
    ahead(0.0).await;
    running.stop().await;
}

#[tokio::test]
async fn durables_beyond_one_page_are_all_reported() {
    let (nats, rig, _) = small_stream().await;
    let stream = nats.jetstream().await.get_stream(STREAM).await.expect("the stream");
    for number in 0..260 {
        let config = pull::Config {
            durable_name: Some(format!("d{number}")),
            ..pull::Config::default()
        };
        stream.create_consumer(config).await.expect("a durable");
    }
    let running = rig.start().await;
    eventually(TIMEOUT, || async { consumer_metric(&running, "pending_messages", "d259").is_some() }).await;
    assert!((0..260).all(|number| consumer_metric(&running, "pending_messages", &format!("d{number}")).is_some()));
    running.stop().await;
}

#[tokio::test]
async fn without_permission_to_list_durables_no_metrics_are_reported() {
    let nats = shipped().await;
    let mut rig = Rig::new(Backend::Sqlite, &nats).await;
    rig.settings.nats.user = Some("tail".to_owned());
    rig.settings.nats.password = Some(SecretString::from(password("tail")));
    rig.settings.nats.inbox_prefix = "_INBOX_tail".to_owned();
    rig.settings.stream.consumer_check = CHECK_INTERVAL;
    let running = rig.start().await;
    // Nor may it read messages, so that the stream is not used.
    running
        .stream(|stream| matches!(stream, watchword::jetstream::StreamState::Fault(_)))
        .await;
    let publisher = running.nats.publisher(marks());
    let consumers = publisher.consumers().await;
    let subject = "$JS.API.CONSUMER.LIST.auth-events".to_owned();
    assert_eq!(consumers, Err(watchword::jetstream::ProbeError::Denied(subject)));
    assert_eq!(consumer_metric(&running, "pending_messages", "welcome-mailer"), None);
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_service_warns_in_its_log_as_the_publisher() {
    let nats = shipped().await;
    // The stream holds ten events.
    let (client, _) = connect(&nats, "operator").await;
    let mut config = api(&client, "STREAM.INFO.auth-events", &json!(null)).await["config"].take();
    config["max_msgs"] = json!(10);
    api(&client, "STREAM.UPDATE.auth-events", &config).await;
    let options = BinaryOptions::serve(&[
        ("NATS_URL", &nats.url()),
        ("WATCHWORD__NATS__USER", "publisher"),
        ("WATCHWORD__NATS__PASSWORD", &password("publisher")),
        ("WATCHWORD__STREAM__CONSUMER_CHECK", "1s"),
    ]);
    let mut service = Binary::start(options).await;
    let tokens = service.http().register("ada@example.com", PASSWORD).await.expect_status(201).tokens();
    let mut refresh = tokens.refresh;
    for _ in 0..9 {
        refresh = service.http().refresh(&refresh).await.expect_status(200).tokens().refresh;
    }
    // One line for each durable. They are not written at once.
    let warned = eventually(TIMEOUT, || {
        let log = service.process().log();
        let warned: Vec<String> = log
            .lines()
            .filter(|line| line.contains("consumer is about to lose events"))
            .map(str::to_owned)
            .collect();
        let is_warned = |durable: &str| warned.iter().any(|line| line.contains(durable));
        let both = is_warned("postgres-audit") && is_warned("welcome-mailer");
        std::future::ready(if both { Ok(warned) } else { Err(log) })
    })
    .await;
    // No event matches this durable's filter, so it is not lagging.
    assert!(!warned.iter().any(|line| line.contains("security-monitor")), "{warned:?}");
    // The stream still holds ten events. The last one may not be published yet.
    eventually(TIMEOUT, || async {
        let found = nats.messages(STREAM).await.len();
        if found == 10 { Ok(()) } else { Err(found) }
    })
    .await;
    assert!(service.stop().await.success());
}
