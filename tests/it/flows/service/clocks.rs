//! Instances whose clocks are apart, as they are where no time server is reached.

use std::time::Duration;

use crate::support::app::{Instance, PASSWORD, TestApp};
use crate::support::clock::TestClock;
use crate::support::database::Backend;
use crate::support::http::{Http, Tokens};
use crate::support::smtp::SmtpServer;
use futures_util::future::join_all;

/// More than the leeway and the grace of a refresh.
const APART: time::Duration = time::Duration::seconds(15);

/// One instance whose clock is right, and one whose clock is wrong by `ahead`.
async fn two_instances(ahead: time::Duration) -> (TestApp, Instance) {
    let app = TestApp::builder(Backend::Postgres)
        .clock(TestClock::of_machine(time::Duration::ZERO))
        .settings(|settings| {
            settings.limits.enabled = true;
            settings.redis.timeout = Duration::from_secs(5);
            settings.limits.login.count = 10;
            settings.limits.login_account_network.count = 4;
            settings.limits.login_account_network.window = Duration::from_secs(3600);
        })
        .spawn()
        .await;
    let other = app.second_instance(TestClock::of_machine(ahead)).await;
    (app, other)
}

async fn login(http: &Http) -> Tokens {
    http.login("ada@example.com", PASSWORD).await.expect_status(200).tokens()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_fresh_login_is_accepted_by_an_instance_whose_clock_is_behind_or_ahead() {
    for ahead in [APART, -APART] {
        let (app, mut other) = two_instances(ahead).await;
        app.registered("ada@example.com").await;
        for (one, another) in [(app.http(), other.http()), (other.http(), app.http())] {
            let tokens = login(&one).await;
            another.me(&tokens.access).await.expect_status(200);
            another.refresh(&tokens.refresh).await.expect_status(200);
        }
        other.stop().await.expect("stop");
        app.finish().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_repeated_refresh_gets_the_same_successor_from_an_instance_whose_clock_is_apart() {
    for ahead in [APART, -APART] {
        let (app, mut other) = two_instances(ahead).await;
        app.registered("ada@example.com").await;
        for (one, another) in [(app.http(), other.http()), (other.http(), app.http())] {
            let tokens = login(&one).await;
            let successor = one.refresh(&tokens.refresh).await.expect_status(200).tokens();
            let again = another.refresh(&tokens.refresh).await.expect_status(200).tokens();
            assert_eq!(successor.refresh, again.refresh);
            another.refresh(&again.refresh).await.expect_status(200);
            one.me(&again.access).await.expect_status(200);
        }
        let reuses = "SELECT count(*) FROM events WHERE subject = 'auth.user.token_reuse_detected'";
        assert_eq!(app.database.count(reuses).await.expect("a count"), 0);
        other.stop().await.expect("stop");
        app.finish().await;
    }
}

/// The first instance creates the signing key, which is active from its own time on.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_instance_whose_clock_is_behind_signs_beside_a_fresh_first_one() {
    let (app, mut other) = two_instances(-time::Duration::minutes(5)).await;
    let answer = other.register("ada@example.com", PASSWORD).await.expect_status(201);
    other.me(&answer.tokens().access).await.expect_status(200);
    let tokens = login(&other).await;
    app.refresh(&tokens.refresh).await.expect_status(200);
    other.stop().await.expect("stop");
    app.finish().await;
}

/// By the callers' clocks, an instance that is ahead by hours would use up the others' quotas.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn instances_whose_clocks_are_apart_share_their_limits() {
    let (app, mut other) = two_instances(time::Duration::hours(2)).await;
    app.registered("ada@example.com").await;
    let instances = [other.http(), app.http()];
    let wrong = async |n: usize| {
        let answer = instances[n % 2].login("ada@example.com", "not the password").await;
        answer.status.as_u16()
    };
    assert_eq!(wrong(0).await, 401);
    assert_eq!(wrong(1).await, 401, "refused because of the other's clock");
    let more = join_all((0..10).map(wrong)).await;
    let verified = more.iter().filter(|status| **status == 401).count();
    assert_eq!(verified, 2, "they share a quota of four: {more:?}");
    other.stop().await.expect("stop");
    app.finish().await;
}

/// Another instance has claimed the mail, and by the clock of this one the claim has expired.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_instance_whose_clock_is_ahead_takes_no_mail_that_another_is_sending() {
    let smtp = SmtpServer::start().await;
    let builder = TestApp::builder(Backend::Postgres).settings(smtp.settings());
    let app = builder.clock(TestClock::of_machine(time::Duration::hours(1))).spawn().await;
    app.registered("ada@example.com").await;
    smtp.count(1).await;
    let claim = "UPDATE outgoing_mail SET state = 'waiting', sealed = '\\x00', attempts = 1, \
                 due_at = CAST(extract(epoch FROM clock_timestamp()) * 1000 AS BIGINT) + 600000";
    app.database.execute(claim).await.expect("a claim");
    // What is delivered after that was claimed later.
    for (name, mails) in [("bob", 2), ("eve", 3)] {
        app.registered(&format!("{name}@example.com")).await;
        smtp.count(mails).await;
    }
    let claimed = "SELECT count(*) FROM outgoing_mail WHERE state = 'waiting' AND attempts = 1";
    assert_eq!(app.database.count(claimed).await.expect("a count"), 1, "the claim was taken");
    app.finish().await;
}
