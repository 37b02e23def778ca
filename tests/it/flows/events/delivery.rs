//! Delivery of events to the stream during failures of NATS. Each event arrives once, in the order
//! of its user. Requests do not wait for NATS.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use async_nats::jetstream::stream::Config;
use futures_util::future::join_all;

use crate::support::app::{PASSWORD, TestApp};
use crate::support::database::Backend;
use crate::support::flow_tests;
use crate::support::http::Http;
use crate::support::invariants::differences;
use crate::support::nats::{NatsOptions, NatsServer};
use crate::support::wait::eventually;

/// Longer than the maximum backoff of the relay.
const TIMEOUT: Duration = Duration::from_secs(60);
/// The duration of the outage of NATS.
const OUTAGE: Duration = Duration::from_secs(10);

flow_tests! {
    events_wait_while_nats_is_down_at_the_start,
    killing_nats_under_load_loses_no_event,
    freezing_nats_under_load_loses_no_event,
    a_lost_acknowledgement_duplicates_no_event,
    a_deleted_stream_is_created_and_filled_again,
    events_contain_the_personal_data_of_the_configured_profile,
}

/// Load: several users refresh until [`Load::stop`].
struct Load {
    running: AtomicBool,
    done: AtomicU64,
}

impl Load {
    const USERS: usize = 8;

    fn new() -> Self {
        Self { running: AtomicBool::new(true), done: AtomicU64::new(0) }
    }

    /// Run one chain of refreshes per user. Every response must be a 200.
    async fn run(&self, http: Http) {
        let chain = async |n: usize| {
            let mut tokens = http.register(&format!("user{n}@example.com"), PASSWORD).await.expect_status(201).tokens();
            while self.running.load(Ordering::Relaxed) {
                let start = Instant::now();
                tokens = http.refresh(&tokens.refresh).await.expect_status(200).tokens();
                assert!(start.elapsed() < Duration::from_secs(5), "the request waited for NATS");
                self.done.fetch_add(1, Ordering::Relaxed);
            }
        };
        join_all((0..Self::USERS).map(chain)).await;
    }

    /// Wait for `count` more refreshes.
    async fn wait_for(&self, count: u64) {
        let goal = self.done.load(Ordering::Relaxed) + count;
        eventually(TIMEOUT, || async { self.done.load(Ordering::Relaxed) >= goal }).await;
    }

    /// Keep the load running for `time`.
    async fn run_for(&self, time: Duration) {
        let started = Instant::now();
        while started.elapsed() < time {
            self.wait_for(1).await;
        }
    }

    fn stop(&self) {
        self.running.store(false, Ordering::Relaxed);
    }
}

async fn events_wait_while_nats_is_down_at_the_start(backend: Backend) {
    let mut app = TestApp::builder(backend)
        .nats(NatsServer::not_started(NatsOptions::default()))
        .spawn()
        .await;
    let tokens = app.registered("ada@example.com").await.tokens();
    app.login("ada@example.com", PASSWORD).await.expect_status(200);
    app.refresh(&tokens.refresh).await.expect_status(200);
    app.get("/readyz").await.expect_status(200);
    assert_eq!(app.database.unpublished().await.expect("a query"), 3);

    app.nats.start_again().await;
    assert_eq!(app.event_names().await, ["registered", "logged_in", "token_refreshed"]);
    app.finish().await;
}

async fn killing_nats_under_load_loses_no_event(backend: Backend) {
    let nats = NatsServer::start_with(NatsOptions { sync_always: true, ..NatsOptions::default() }).await;
    let mut app = TestApp::builder(backend).nats(nats).spawn().await;
    let (load, http) = (Load::new(), app.http());
    let faults = async {
        for outage in [OUTAGE, Duration::ZERO, Duration::ZERO] {
            load.wait_for(50).await;
            app.nats.kill();
            load.run_for(outage).await;
            load.wait_for(50).await;
            app.nats.start_again().await;
        }
        load.wait_for(50).await;
        load.stop();
    };
    tokio::join!(load.run(http), faults);
    app.finish().await;
}

async fn freezing_nats_under_load_loses_no_event(backend: Backend) {
    let app = TestApp::spawn(backend).await;
    let (load, http) = (Load::new(), app.http());
    let faults = async {
        for _ in 0..3 {
            load.wait_for(50).await;
            app.nats.pause();
            load.wait_for(50).await;
            app.nats.resume();
        }
        load.stop();
    };
    tokio::join!(load.run(http), faults);
    app.finish().await;
}

/// NATS stores the events, but the service does not receive the acks. It publishes the same ids
/// again.
async fn a_lost_acknowledgement_duplicates_no_event(backend: Backend) {
    let (app, proxy) = TestApp::behind_proxy(backend).await;
    let tokens = app.registered("ada@example.com").await.tokens();
    app.ledger_drained().await;

    proxy.drop_answers(true);
    let mut tokens = app.refresh(&tokens.refresh).await.expect_status(200).tokens();
    for _ in 0..5 {
        tokens = app.refresh(&tokens.refresh).await.expect_status(200).tokens();
    }
    let stream = app.settings().stream.name.clone();
    eventually(TIMEOUT, || async { app.nats.messages(&stream).await.len() > 1 }).await;
    assert!(app.database.unpublished().await.expect("a query") > 0, "an ack reached the service");
    proxy.heal();
    proxy.reset_connections();
    app.finish().await;
}

async fn a_deleted_stream_is_created_and_filled_again(backend: Backend) {
    let app = TestApp::spawn(backend).await;
    let mut tokens = app.registered("ada@example.com").await.tokens();
    for _ in 0..5 {
        tokens = app.refresh(&tokens.refresh).await.expect_status(200).tokens();
    }
    let before: Vec<_> = app.events().await.into_iter().map(|event| event.bytes).collect();
    let jetstream = app.nats.jetstream().await;
    let config: Config = jetstream
        .get_stream(&app.settings().stream.name)
        .await
        .expect("the stream")
        .cached_info()
        .config
        .clone();
    jetstream.delete_stream(&config.name).await.expect("delete the stream");
    jetstream.create_stream(config).await.expect("create it again");

    // The next event makes the relay check the stream. It may be stored before the lost events.
    app.refresh(&tokens.refresh).await.expect_status(200);
    eventually(TIMEOUT, || async {
        let found = differences(&app.ledger().await, &app.events().await);
        let found: Vec<String> = found.into_iter().filter(|difference| !difference.starts_with("order")).collect();
        if found.is_empty() {
            Ok(())
        } else {
            Err(found.join("\n"))
        }
    })
    .await;
    let after = app.events().await.into_iter().map(|event| event.bytes);
    let republished: Vec<_> = after.filter(|bytes| before.contains(bytes)).collect();
    assert_eq!(republished, before, "the same bytes in the same order");
    app.abandon().await;
}

async fn events_contain_the_personal_data_of_the_configured_profile(backend: Backend) {
    use watchword::config::PiiMode;
    for (mode, visible) in [(PiiMode::Full, true), (PiiMode::Masked, false), (PiiMode::None, false)] {
        let app = TestApp::builder(backend)
            .settings(move |settings| settings.events.pii = mode)
            .spawn()
            .await;
        app.registered("ada@example.com").await;
        app.login("ada@example.com", PASSWORD).await.expect_status(200);
        for event in app.events().await {
            let text = String::from_utf8_lossy(&event.bytes);
            assert_eq!(text.contains("ada@example.com"), visible, "{mode:?}: {text}");
            assert!(visible || !text.contains("127.0.0.1"), "{mode:?}: {text}");
        }
        app.finish().await;
    }
}
