//! External servers that die, and hosts that vanish without a word: their open connections stay open
//! and silent, and new ones work. What was acknowledged is kept, and all is well again within
//! seconds, without a restart. (The host of PostgreSQL: `vanished_database.rs`; a killed and a
//! frozen NATS: `flows/events/delivery.rs`; a killed and a frozen Redis: `flows/limits/requests.rs`;
//! a killed mail server: `mail/delivery.rs`.)

use std::cell::Cell;
use std::time::{Duration, Instant};

use secrecy::SecretString;

use crate::relay::rig::RECOVERY;
use crate::support::app::{PASSWORD, TestApp};
use crate::support::database::{Backend, Database};
use crate::support::flow_tests;
use crate::support::http::Http;
use crate::support::postgres::{Durability, Postgres};
use crate::support::proxy::Proxy;
use crate::support::redis::RedisServer;
use crate::support::smtp::SmtpServer;
use crate::support::wait::eventually;

flow_tests! {
    events_flow_again_after_the_host_of_nats_has_vanished,
    a_mail_is_delivered_after_the_host_of_the_mail_server_has_vanished,
}

const TIMEOUT: Duration = Duration::from_secs(60);
/// No request waits for a server that only events, limits or mails need.
const ANSWER: Duration = Duration::from_secs(3);

/// Registers an account, which takes no time.
async fn register(http: &Http, name: &str) {
    let begun = Instant::now();
    http.register(&format!("{name}@example.com"), PASSWORD).await.expect_status(201);
    assert!(begun.elapsed() < ANSWER, "{name}: {:?}", begun.elapsed());
}

/// Waits until every event is published.
async fn published(app: &TestApp, since: Instant) {
    app.ledger_drained().await;
    assert!(since.elapsed() <= RECOVERY, "recovered after {:?}", since.elapsed());
}

async fn events_flow_again_after_the_host_of_nats_has_vanished(backend: Backend) {
    let (app, proxy) = TestApp::behind_proxy(backend).await;
    register(&app, "before").await;
    app.ledger_drained().await;

    // With one event on its way, and while nothing happens.
    for busy in [true, false] {
        proxy.silence();
        let silent = Instant::now();
        let connections = proxy.accepted();
        if busy {
            register(&app, "during").await;
        }
        eventually(RECOVERY, || async { proxy.accepted() > connections }).await;
        register(&app, if busy { "again" } else { "later" }).await;
        published(&app, silent).await;
    }
    app.finish().await;
}

/// Registers accounts until told to stop. Counts those that were acknowledged; the others were told
/// to come back.
async fn register_all_the_time(http: &Http, stop: &Cell<bool>, acknowledged: &Cell<i64>) {
    for n in 0.. {
        if stop.get() {
            return;
        }
        let answer = http.register(&format!("user{n}@example.com"), PASSWORD).await;
        match answer.status.as_u16() {
            201 => acknowledged.set(acknowledged.get() + 1),
            503 => assert!(answer.header("retry-after").is_some(), "{}", answer.text),
            status => panic!("{status}: {}", answer.text),
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_crash_of_postgresql_loses_nothing_that_was_acknowledged() {
    let mut postgres = Postgres::private(Durability::Fast).await;
    postgres.create_database("outage", None).await;
    let url = postgres.url("outage");
    let own = SecretString::from(url.clone());
    let builder = TestApp::builder(Backend::Postgres);
    let mut app = builder.settings(move |settings| settings.database.url = Some(own)).spawn().await;
    app.database.remove().await;
    app.database = Database::Postgres { url, shared_name: None };

    let (http, stop, acknowledged) = (app.http(), Cell::new(false), Cell::new(0));
    let crashes = async {
        for _ in 0..2 {
            let before = acknowledged.get();
            eventually(TIMEOUT, || async { acknowledged.get() >= before + 20 }).await;
            postgres.crash().await;
            let down = app.get("/readyz").await;
            assert_eq!(down.status, 503, "{}", down.text);
            postgres.start_again().await;
            let (up, before) = (Instant::now(), acknowledged.get());
            eventually(RECOVERY, || async { acknowledged.get() > before }).await;
            eventually(RECOVERY, || async { app.get("/readyz").await.status == 200 }).await;
            assert!(up.elapsed() <= RECOVERY, "recovered after {:?}", up.elapsed());
        }
        stop.set(true);
        published(&app, Instant::now()).await;
    };
    tokio::join!(register_all_the_time(&http, &stop, &acknowledged), crashes);
    let registered = "SELECT count(*) FROM events WHERE subject = 'auth.user.registered'";
    let recorded = app.database.count(registered).await.expect("a count");
    assert!(recorded >= acknowledged.get(), "{recorded} of {} acknowledged", acknowledged.get());
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn limits_are_shared_again_after_the_host_of_redis_has_vanished() {
    let redis = RedisServer::start().await;
    let proxy = Proxy::to(redis.port()).await;
    let url = format!("redis://127.0.0.1:{}", proxy.port());
    let builder = TestApp::builder(Backend::Postgres).settings(move |settings| {
        settings.redis.url = Some(SecretString::from(url));
        settings.limits.enabled = true;
    });
    let app = builder.spawn().await;
    register(&app, "ada").await;
    let login = async || {
        let begun = Instant::now();
        app.login("ada@example.com", PASSWORD).await.expect_status(200);
        assert!(begun.elapsed() < ANSWER, "{:?}", begun.elapsed());
    };
    let fallbacks = async || app.metric("watchword_limit_fallbacks_total", "").await;
    login().await;
    let healthy = fallbacks().await;

    proxy.silence();
    let silent = Instant::now();
    login().await;
    assert!(fallbacks().await > healthy, "Redis was asked, and was silent");
    eventually(RECOVERY, || async {
        let before = fallbacks().await;
        login().await;
        (fallbacks().await - before).abs() < f64::EPSILON
    })
    .await;
    assert!(silent.elapsed() <= RECOVERY, "recovered after {:?}", silent.elapsed());
    app.finish().await;
}

async fn a_mail_is_delivered_after_the_host_of_the_mail_server_has_vanished(backend: Backend) {
    let smtp = SmtpServer::start().await;
    let proxy = Proxy::to(smtp.port()).await;
    let (smtp_settings, port) = (smtp.settings(), proxy.port());
    let builder = TestApp::builder(backend).settings(smtp_settings);
    let app = builder
        .settings(move |settings| {
            settings.mail.port = Some(port);
            settings.mail.timeout = Duration::from_secs(2);
        })
        .spawn()
        .await;
    register(&app, "ada").await;
    smtp.count(1).await;

    // The connection for the next mail is open.
    proxy.silence();
    let silent = Instant::now();
    register(&app, "bob").await;
    eventually(RECOVERY, || async { smtp.mails().len() == 2 }).await;
    assert!(silent.elapsed() <= RECOVERY, "recovered after {:?}", silent.elapsed());
    let sent = "SELECT count(*) FROM outgoing_mail WHERE state = 'sent'";
    eventually(TIMEOUT, || async { app.database.count(sent).await.is_ok_and(|mails| mails == 2) }).await;
    assert_eq!(smtp.mails().len(), 2, "a mail was delivered twice");
    app.finish().await;
}
