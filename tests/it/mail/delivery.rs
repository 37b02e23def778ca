//! Delivery of mails: retries, crashes, abandoned mails and several instances.

use std::collections::BTreeSet;
use std::time::Duration;

use watchword::config::Settings;
use watchword::store::Expirable;

use super::{ADA, RESET, VERIFY, builder, forgot, with_mail};
use crate::support::app::{PASSWORD, TestApp};
use crate::support::binary::{Binary, BinaryOptions};
use crate::support::clock::TestClock;
use crate::support::database::{Backend, Database};
use crate::support::flow_tests;
use crate::support::nats::NatsServer;
use crate::support::proxy::Proxy;
use crate::support::run_dir::scratch;
use crate::support::smtp::SmtpServer;
use crate::support::wait::eventually;

flow_tests! {
    a_mail_waits_for_the_mail_server_and_is_delivered_once,
    a_mail_is_abandoned_after_a_day,
    a_permanently_refused_mail_is_abandoned_at_once,
    a_mail_server_that_answers_late_refuses_no_mail,
    a_crash_between_claim_and_delivery_loses_no_mail,
    a_crash_after_delivery_sends_the_same_mail_again,
    the_content_of_a_delivered_mail_is_erased,
    a_deleted_account_receives_no_mail,
}

const TIMEOUT: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(3600);
const CRASH_AT: &str = "WATCHWORD_CRASH_AT";

async fn until_count(database: &Database, sql: &'static str, count: i64) {
    eventually(TIMEOUT, || async {
        match database.count(sql).await {
            Ok(found) if found == count => Ok(()),
            other => Err(format!("{other:?} and not {count}: {sql}")),
        }
    })
    .await;
}

async fn a_mail_waits_for_the_mail_server_and_is_delivered_once(backend: Backend) {
    let (app, mut smtp, clock) = with_mail(backend).await;
    smtp.kill();
    app.registered(ADA).await;
    let failed = "SELECT count(*) FROM outgoing_mail WHERE state = 'waiting' AND problem = 'connection'";
    until_count(&app.database, failed, 1).await;
    assert!(app.metric("watchword_mail_attempts_failed_total", "reason=\"connection\"").await >= 1.0);
    smtp.start_again().await;
    // The retry is not due yet.
    assert_eq!(smtp.mails().len(), 0);
    clock.advance(Duration::from_secs(20));
    smtp.mail(ADA, VERIFY, 1).await;
    until_count(&app.database, "SELECT count(*) FROM outgoing_mail WHERE state = 'sent'", 1).await;
    clock.advance(HOUR);
    forgot(&app, ADA).await.expect_status(202);
    smtp.mail(ADA, RESET, 1).await;
    assert_eq!(smtp.mails().len(), 2, "the first mail was delivered twice");
    assert!((app.metric("watchword_mail_sent_total", "").await - 2.0).abs() < 0.1);
    app.finish().await;
}

async fn a_mail_is_abandoned_after_a_day(backend: Backend) {
    let (app, mut smtp, clock) = with_mail(backend).await;
    smtp.kill();
    app.registered(ADA).await;
    let min_attempts = "SELECT CAST(coalesce(min(attempts), 0) AS BIGINT) FROM outgoing_mail WHERE state = 'waiting' AND problem IS NOT NULL";
    until_count(&app.database, min_attempts, 1).await;
    clock.advance(23 * HOUR);
    until_count(&app.database, min_attempts, 2).await;
    clock.advance(HOUR);
    let dead = "SELECT count(*) FROM outgoing_mail WHERE state = 'dead' AND sealed IS NULL AND attempts = 3";
    until_count(&app.database, dead, 1).await;
    assert!((app.metric("watchword_mail_dead_total", "").await - 1.0).abs() < 0.1);
    smtp.start_again().await;
    clock.advance(HOUR);
    forgot(&app, ADA).await.expect_status(202);
    smtp.mail(ADA, RESET, 1).await;
    assert_eq!(smtp.mails().len(), 1, "an abandoned mail was delivered");
    app.finish().await;
}

async fn a_permanently_refused_mail_is_abandoned_at_once(backend: Backend) {
    let smtp = SmtpServer::start_with(&["--refuse", "550"]).await;
    let app = builder(backend, &smtp).spawn().await;
    app.registered(ADA).await;
    let dead = "SELECT count(*) FROM outgoing_mail WHERE state = 'dead' AND problem = 'refused' AND sealed IS NULL";
    until_count(&app.database, dead, 1).await;
    app.finish().await;

    let smtp = SmtpServer::start_with(&["--refuse", "451"]).await;
    let app = builder(backend, &smtp).spawn().await;
    app.registered(ADA).await;
    let waiting = "SELECT count(*) FROM outgoing_mail WHERE state = 'waiting' AND problem = 'deferred'";
    until_count(&app.database, waiting, 1).await;
    app.finish().await;
}

/// Register, crash the binary at `point`, and restart it without the crash point.
async fn crash_at(backend: Backend, point: &str) -> (SmtpServer, Binary, Database, NatsServer) {
    let (smtp, nats, data_dir) = (SmtpServer::start().await, NatsServer::start().await, scratch("mail-crash"));
    let database = Database::fresh(backend, &data_dir).await;
    let mut options = BinaryOptions::serve(&[
        ("NATS_URL", &nats.url()),
        ("WATCHWORD__MAIL__TIMEOUT", "1s"),
        (CRASH_AT, point),
    ]);
    for (name, value) in smtp.environment() {
        options = options.with(name, &value);
    }
    if let Some(url) = database.url() {
        options = options.with("DATABASE_URL", url);
    }
    options.data_dir = Some(data_dir);
    let mut binary = Binary::start(options).await;
    binary.http().register(ADA, PASSWORD).await.expect_status(201);
    let status = binary.wait_exit(TIMEOUT).await;
    assert!(!status.success(), "{status}");
    let claimed = "SELECT count(*) FROM outgoing_mail WHERE state = 'waiting' AND attempts = 1";
    assert_eq!(database.count(claimed).await.expect("a count"), 1);
    binary.start_again(CRASH_AT, None).await;
    (smtp, binary, database, nats)
}

/// The connection of a delivery that took too long was used for the next one, which took the late
/// answers for its own.
async fn a_mail_server_that_answers_late_refuses_no_mail(backend: Backend) {
    let (smtp, clock) = (SmtpServer::start().await, TestClock::running());
    let proxy = Proxy::to(smtp.port()).await;
    let port = proxy.port();
    let through_proxy = move |settings: &mut Settings| {
        settings.mail.port = Some(port);
        settings.mail.timeout = Duration::from_secs(1);
    };
    let app = builder(backend, &smtp).settings(through_proxy).clock(clock.clone()).spawn().await;
    app.registered(ADA).await;
    smtp.mail(ADA, VERIFY, 1).await;

    // The time is up at different commands of the mail.
    for (latency_ms, sent) in [(300, 2), (220, 3), (180, 4), (140, 5)] {
        proxy.set_latency(Duration::from_millis(latency_ms));
        forgot(&app, ADA).await.expect_status(202);
        let late = "SELECT count(*) FROM outgoing_mail WHERE state = 'waiting' AND problem = 'timeout'";
        until_count(&app.database, late, 1).await;
        proxy.set_latency(Duration::ZERO);
        clock.advance(HOUR);
        until_count(&app.database, "SELECT count(*) FROM outgoing_mail WHERE state = 'waiting'", 0).await;
        let all = "SELECT count(*) FROM outgoing_mail WHERE state = 'sent'";
        assert_eq!(app.database.count(all).await.expect("a count"), sent, "after {latency_ms} ms");
    }
    app.finish().await;
}

async fn a_crash_between_claim_and_delivery_loses_no_mail(backend: Backend) {
    let (smtp, mut binary, database, _nats) = crash_at(backend, "mail_claimed").await;
    smtp.mail(ADA, VERIFY, 1).await;
    until_count(&database, "SELECT count(*) FROM outgoing_mail WHERE state = 'sent'", 1).await;
    assert_eq!(smtp.mails().len(), 1);
    assert!(binary.stop().await.success());
    database.remove().await;
}

/// Delivery is at least once. Both copies have the same Message-ID.
async fn a_crash_after_delivery_sends_the_same_mail_again(backend: Backend) {
    let (smtp, mut binary, database, _nats) = crash_at(backend, "mail_handed_over").await;
    smtp.mail(ADA, VERIFY, 2).await;
    until_count(&database, "SELECT count(*) FROM outgoing_mail WHERE state = 'sent'", 1).await;
    let ids: BTreeSet<String> = smtp.mails().iter().map(|mail| mail.header("Message-ID")).collect();
    assert_eq!(ids.len(), 1, "{ids:?}");
    assert!(ids.iter().all(|id| id.ends_with("@localhost>")), "{ids:?}");
    assert!(binary.stop().await.success());
    database.remove().await;
}

async fn the_content_of_a_delivered_mail_is_erased(backend: Backend) {
    let (app, mut smtp, clock) = with_mail(backend).await;
    smtp.kill();
    app.registered(ADA).await;
    let sealed = "SELECT count(*) FROM outgoing_mail WHERE sealed IS NOT NULL AND problem IS NOT NULL";
    until_count(&app.database, sealed, 1).await;
    smtp.start_again().await;
    clock.advance(Duration::from_secs(20));
    smtp.mail(ADA, VERIFY, 1).await;
    until_count(&app.database, "SELECT count(*) FROM outgoing_mail WHERE sealed IS NULL", 1).await;
    // A request for an unknown address enqueues a void mail without content.
    forgot(&app, "nobody@example.com").await.expect_status(202);
    let void = "SELECT count(*) FROM outgoing_mail WHERE state = 'void' AND sealed IS NULL AND user_id IS NULL";
    assert_eq!(app.database.count(void).await.expect("a count"), 1);
    // Expired mails and codes are deleted.
    let store = app.store();
    let later = time::OffsetDateTime::from_unix_timestamp(4_000_000_000).expect("a time");
    assert_eq!(store.delete_expired(Expirable::Mails, later, 100).await.expect("prune"), 2);
    assert_eq!(store.delete_expired(Expirable::Codes, later, 100).await.expect("prune"), 2);
    app.finish().await;
}

async fn a_deleted_account_receives_no_mail(backend: Backend) {
    let (app, mut smtp, clock) = with_mail(backend).await;
    smtp.kill();
    let tokens = app.registered(ADA).await.tokens();
    let waiting = "SELECT count(*) FROM outgoing_mail WHERE state = 'waiting' AND problem IS NOT NULL";
    until_count(&app.database, waiting, 1).await;
    let password = serde_json::json!({ "password": PASSWORD });
    let request = app.request(reqwest::Method::POST, "/auth/me/delete").bearer_auth(&tokens.access);
    app.send(request.json(&password)).await.expect_status(204);
    let remaining =
        "SELECT (SELECT count(*) FROM one_time_codes) + (SELECT count(*) FROM outgoing_mail WHERE sealed IS NOT NULL)";
    assert_eq!(app.database.count(remaining).await.expect("a count"), 0);
    smtp.start_again().await;
    clock.advance(HOUR);
    app.registered(ADA).await;
    smtp.mail(ADA, VERIFY, 1).await;
    assert_eq!(smtp.mails().len(), 1, "a mail to the deleted account was delivered");
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_instances_deliver_each_mail_once() {
    const MAILS: usize = 40;
    let mut smtp = SmtpServer::start().await;
    let app: TestApp = builder(Backend::Postgres, &smtp).spawn().await;
    let mut second = app.second_instance(TestClock::running()).await;
    app.registered(ADA).await;
    smtp.mail(ADA, VERIFY, 1).await;
    smtp.kill();
    // All mails become due for both instances at once.
    let waiting = "INSERT INTO users (id, email, email_canonical, account_type, roles, status, password_hash, created_at, updated_at) \
                   SELECT gen_random_uuid(), n || '@example.com', n || '@example.com', account_type, roles, status, password_hash, \
                   created_at, updated_at FROM users, generate_series(1, 40) AS n";
    app.database.execute(waiting).await.expect("more users");
    for n in 1..=MAILS {
        forgot(&app, &format!("{n}@example.com")).await.expect_status(202);
    }
    let failed = "SELECT count(*) FROM outgoing_mail WHERE problem = 'connection'";
    until_count(&app.database, failed, 40).await;
    smtp.start_again().await;
    let due = "UPDATE outgoing_mail SET due_at = 0 WHERE state = 'waiting'";
    app.database.execute(due).await.expect("make the mails due");
    smtp.count(MAILS + 1).await;
    until_count(&app.database, "SELECT count(*) FROM outgoing_mail WHERE state = 'waiting'", 0).await;
    let ids: BTreeSet<String> = smtp.mails().iter().map(|mail| mail.header("Message-ID")).collect();
    assert_eq!(ids.len(), MAILS + 1, "a mail was delivered twice");
    for instance in [
        app.metric("watchword_mail_sent_total", "").await,
        second.metric("watchword_mail_sent_total", "").await,
    ] {
        assert!(instance >= 1.0, "one instance delivered nothing");
    }
    second.stop().await.expect("stop");
    app.finish().await;
}
