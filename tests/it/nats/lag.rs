//! Durables that fall behind: seen, and warned of, before the stream discards what they have not read.

use std::time::Duration;

use async_nats::jetstream::consumer::{PullConsumer, pull};
use futures_util::StreamExt as _;
use secrecy::SecretString;
use serde_json::json;

use super::shipped;
use crate::relay::rig::{Rig, Running, SOON, STREAM};
use crate::support::app::PASSWORD;
use crate::support::binary::{Binary, BinaryOptions};
use crate::support::database::Backend;
use crate::support::nats::NatsServer;
use crate::support::nats_users::{api, connect, password};
use crate::support::wait::eventually;

const OFTEN: Duration = Duration::from_millis(50);

/// A rig whose stream holds 100 messages, with the durable `reader` of events that nobody reads yet, and `idle`, of none.
async fn small() -> (NatsServer, Rig, PullConsumer) {
    let nats = NatsServer::start().await;
    let mut rig = Rig::new(Backend::Sqlite, &nats).await;
    rig.settings.stream.max_msgs = 100;
    rig.settings.stream.consumer_check = OFTEN;
    let definition = watchword::jetstream::desired(&rig.settings.stream).expect("the definition");
    let stream = nats
        .jetstream()
        .await
        .create_stream(definition)
        .await
        .expect("create the stream");
    let durable = |name: &str, filter: &str| pull::Config {
        durable_name: Some(name.to_owned()),
        filter_subject: filter.to_owned(),
        ..pull::Config::default()
    };
    stream
        .create_consumer(durable("idle", "auth.user.deleted"))
        .await
        .expect("a durable");
    let reader = stream.create_consumer(durable("reader", "auth.user.logged_in")).await;
    (nats, rig, reader.expect("a durable"))
}

/// The figure of a durable, when there is one.
fn figure(running: &Running, name: &str, durable: &str) -> Option<f64> {
    let start = format!("watchword_consumer_{name}{{durable=\"{durable}\"}} ");
    let text = running.metrics.render();
    text.lines().find_map(|line| line.strip_prefix(&start)?.parse().ok())
}

async fn shows(running: &Running, name: &str, expected: f64) {
    eventually(SOON, || async {
        let shown = figure(running, name, "reader");
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
    let (nats, rig, reader) = small().await;
    let running = rig.start().await;
    rig.record(1, 85).await;
    shows(&running, "pending", 85.0).await;
    shows(&running, "headroom_ratio", 0.15).await;
    shows(&running, "distance", 0.0).await;
    rig.record(1, 10).await;
    shows(&running, "pending", 95.0).await;
    let headroom = figure(&running, "headroom_ratio", "reader").expect("a figure");
    assert!(headroom < 0.1, "{headroom}");
    assert_eq!(
        nats.messages(STREAM).await.first().map(|first| first.seq),
        Some(1),
        "nothing is lost yet"
    );
    assert!(figure(&running, "oldest_age_seconds", "reader").is_some_and(|age| age > 0.0));
    // One that waits for other events is not behind.
    assert_eq!(figure(&running, "headroom_ratio", "idle"), Some(1.0));
    assert_eq!(figure(&running, "pending", "idle"), Some(0.0));

    let mut messages = reader.messages().await.expect("read").take(95);
    while let Some(message) = messages.next().await {
        message.expect("a message").double_ack().await.expect("acknowledge");
    }
    shows(&running, "pending", 0.0).await;
    shows(&running, "headroom_ratio", 1.0).await;
    shows(&running, "distance", 95.0).await;
    let stream = nats.jetstream().await.get_stream(STREAM).await.expect("the stream");
    stream.delete_consumer("reader").await.expect("delete");
    eventually(SOON, || async { figure(&running, "pending", "reader").is_none() }).await;
    running.stop().await;
}

#[tokio::test]
async fn durables_beyond_one_page_are_all_reported() {
    let (nats, rig, _) = small().await;
    let stream = nats.jetstream().await.get_stream(STREAM).await.expect("the stream");
    for number in 0..260 {
        let config = pull::Config {
            durable_name: Some(format!("d{number}")),
            ..pull::Config::default()
        };
        stream.create_consumer(config).await.expect("a durable");
    }
    let running = rig.start().await;
    eventually(SOON, || async { figure(&running, "pending", "d259").is_some() }).await;
    assert!((0..260).all(|number| figure(&running, "pending", &format!("d{number}")).is_some()));
    running.stop().await;
}

#[tokio::test]
async fn without_the_right_to_list_durables_one_warning_is_logged() {
    let nats = shipped().await;
    let mut rig = Rig::new(Backend::Sqlite, &nats).await;
    rig.settings.nats.user = Some("tail".to_owned());
    rig.settings.nats.password = Some(SecretString::from(password("tail")));
    rig.settings.nats.inbox_prefix = "_INBOX_tail".to_owned();
    rig.settings.stream.consumer_check = OFTEN;
    let running = rig.start().await;
    running.ready().await;
    let publisher = running.nats.publisher();
    let asked = watchword::jetstream::EventPublisher::consumers(&publisher).await;
    let subject = "$JS.API.CONSUMER.LIST.auth-events".to_owned();
    assert_eq!(asked, Err(watchword::jetstream::ProbeError::Denied(subject)));
    assert_eq!(figure(&running, "pending", "welcome-mailer"), None);
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_service_warns_in_its_log_as_the_publisher() {
    let nats = shipped().await;
    // A stream of ten events.
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
    let tokens = service
        .http()
        .register("ada@example.com", PASSWORD)
        .await
        .expect_status(201)
        .tokens();
    let mut refresh = tokens.refresh;
    for _ in 0..9 {
        refresh = service
            .http()
            .refresh(&refresh)
            .await
            .expect_status(200)
            .tokens()
            .refresh;
    }
    // One line for each durable, and not in one piece.
    let warned = eventually(SOON, || {
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
    // It was the first event that it waits for, and there is none of these.
    assert!(
        !warned.iter().any(|line| line.contains("security-monitor")),
        "{warned:?}"
    );
    // Nothing is lost yet; the last event may still be on its way.
    eventually(SOON, || async {
        let found = nats.messages(STREAM).await.len();
        if found == 10 { Ok(()) } else { Err(found) }
    })
    .await;
    assert!(service.stop().await.success());
}
