//! Events and what goes wrong on their way: every one arrives, once, in its user's order, and requests never wait for NATS.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use async_nats::jetstream::stream::Config;
use futures_util::future::join_all;
use secrecy::SecretString;

use crate::support::app::{PASSWORD, TestApp};
use crate::support::database::Backend;
use crate::support::flow_tests;
use crate::support::http::Http;
use crate::support::invariants::differences;
use crate::support::nats::{NatsOptions, NatsServer};
use crate::support::proxy::Proxy;
use crate::support::wait::eventually;

/// Longer than the relay's longest back-off.
const SOON: Duration = Duration::from_secs(60);
/// How long NATS is away while the load goes on.
const OUTAGE: Duration = Duration::from_secs(10);

flow_tests! {
    events_wait_while_nats_is_down_at_the_start,
    killing_nats_under_load_loses_no_event,
    freezing_nats_under_load_loses_no_event,
    a_lost_acknowledgement_duplicates_no_event,
    a_deleted_stream_is_created_and_filled_again,
    events_contain_the_personal_data_of_the_configured_profile,
}

/// Refreshes of several users that go on until told to stop; counts the answers.
struct Load {
    go_on: AtomicBool,
    done: AtomicU64,
}

impl Load {
    const USERS: usize = 8;

    fn new() -> Self {
        Self {
            go_on: AtomicBool::new(true),
            done: AtomicU64::new(0),
        }
    }

    /// One chain of refreshes per user. Every answer must be a 200, whatever NATS does.
    async fn run(&self, http: Http) {
        let chain = async |n: usize| {
            let mut tokens = http
                .register(&format!("user{n}@example.com"), PASSWORD)
                .await
                .expect_status(201)
                .tokens();
            while self.go_on.load(Ordering::Relaxed) {
                let start = Instant::now();
                tokens = http.refresh(&tokens.refresh).await.expect_status(200).tokens();
                assert!(
                    start.elapsed() < Duration::from_secs(5),
                    "a request does not wait for NATS"
                );
                self.done.fetch_add(1, Ordering::Relaxed);
            }
        };
        join_all((0..Self::USERS).map(chain)).await;
    }

    /// Waits until so many more refreshes are done.
    async fn more(&self, count: u64) {
        let goal = self.done.load(Ordering::Relaxed) + count;
        eventually(SOON, || async { self.done.load(Ordering::Relaxed) >= goal }).await;
    }

    /// Returns when the load has gone on for so long.
    async fn lasts(&self, time: Duration) {
        let started = Instant::now();
        while started.elapsed() < time {
            self.more(1).await;
        }
    }

    fn stop(&self) {
        self.go_on.store(false, Ordering::Relaxed);
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
    let nats = NatsServer::start_with(NatsOptions {
        sync_always: true,
        ..NatsOptions::default()
    })
    .await;
    let mut app = TestApp::builder(backend).nats(nats).spawn().await;
    let (load, http) = (Load::new(), app.http());
    let faults = async {
        for outage in [OUTAGE, Duration::ZERO, Duration::ZERO] {
            load.more(50).await;
            app.nats.kill();
            load.lasts(outage).await;
            load.more(50).await;
            app.nats.start_again().await;
        }
        load.more(50).await;
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
            load.more(50).await;
            app.nats.pause();
            load.more(50).await;
            app.nats.resume();
        }
        load.stop();
    };
    tokio::join!(load.run(http), faults);
    app.finish().await;
}

/// Everything arrives and is stored, but the service does not hear of it: the same ids again, and no duplicate.
async fn a_lost_acknowledgement_duplicates_no_event(backend: Backend) {
    let nats = NatsServer::start().await;
    let proxy = Proxy::to(nats.port()).await;
    let url = format!("nats://127.0.0.1:{}", proxy.port());
    let builder = TestApp::builder(backend).nats(nats);
    let app = builder
        .settings(move |settings| settings.nats.url = Some(SecretString::from(url)))
        .spawn()
        .await;
    let tokens = app.registered("ada@example.com").await.tokens();
    app.ledger_drained().await;

    proxy.drop_answers(true);
    let mut tokens = app.refresh(&tokens.refresh).await.expect_status(200).tokens();
    for _ in 0..5 {
        tokens = app.refresh(&tokens.refresh).await.expect_status(200).tokens();
    }
    let stream = app.settings().stream.name.clone();
    eventually(SOON, || async { app.nats.messages(&stream).await.len() > 1 }).await;
    assert!(
        app.database.unpublished().await.expect("a query") > 0,
        "no acknowledgement came through"
    );
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
    jetstream.create_stream(config).await.expect("make it again");

    // The next event makes the relay look at the stream. It may be there before the ones that were lost.
    app.refresh(&tokens.refresh).await.expect_status(200);
    eventually(SOON, || async {
        let found = differences(&app.ledger().await, &app.events().await);
        let found: Vec<String> = found
            .into_iter()
            .filter(|difference| !difference.starts_with("order"))
            .collect();
        if found.is_empty() {
            Ok(())
        } else {
            Err(found.join("\n"))
        }
    })
    .await;
    let after = app.events().await.into_iter().map(|event| event.bytes);
    let again: Vec<_> = after.filter(|bytes| before.contains(bytes)).collect();
    assert_eq!(again, before, "the same bytes in the same order");
    app.abandon().await;
}

async fn events_contain_the_personal_data_of_the_configured_profile(backend: Backend) {
    use watchword::config::PiiMode;
    for (mode, shown) in [(PiiMode::Full, true), (PiiMode::Masked, false), (PiiMode::None, false)] {
        let app = TestApp::builder(backend)
            .settings(move |settings| settings.events.pii = mode)
            .spawn()
            .await;
        app.registered("ada@example.com").await;
        app.login("ada@example.com", PASSWORD).await.expect_status(200);
        for event in app.events().await {
            let text = String::from_utf8_lossy(&event.bytes);
            assert_eq!(text.contains("ada@example.com"), shown, "{mode:?}: {text}");
            assert!(shown || !text.contains("127.0.0.1"), "{mode:?}: {text}");
        }
        app.finish().await;
    }
}
