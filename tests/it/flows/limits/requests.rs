//! Rate limits: how many tries get as far as the password, whoever says to be where, and with or without Redis.

use std::time::{Duration, Instant};

use futures_util::future::join_all;
use reqwest::Method;
use serde_json::json;

use crate::support::app::{Instance, PASSWORD, TestApp};
use crate::support::clock::TestClock;
use crate::support::database::Backend;
use crate::support::flow_tests;
use crate::support::http::{Answer, Http, Tokens};
use crate::support::redis::RedisServer;
use crate::support::wait::eventually;

flow_tests! {
    parallel_wrong_logins_stop_at_the_limit,
    a_forged_forwarding_header_does_not_bypass_the_limit,
    registrations_and_refreshes_are_rate_limited,
}

/// Logins per minute.
const LIMIT: u32 = 10;
const TRIES: usize = 200;
const MINUTE: Duration = Duration::from_secs(60);
const SOON: Duration = Duration::from_secs(60);
/// For Redis: on a busy machine an answer may take longer than the default allows, and the count would go on in the process.
const PATIENCE: Duration = Duration::from_secs(5);
/// The service's own deadline for a request.
const DEADLINE: Duration = Duration::from_secs(10);

/// An application with limits, and a clock that stands still: nothing becomes available again by itself.
async fn limited(backend: Backend, trusted: &'static str) -> (TestApp, TestClock) {
    limited_with(backend, trusted, PATIENCE).await
}

/// The same, where an answer of Redis is waited for so long.
async fn limited_with(backend: Backend, trusted: &'static str, redis_timeout: Duration) -> (TestApp, TestClock) {
    let clock = TestClock::frozen();
    let app = TestApp::builder(backend)
        .clock(clock.clone())
        .settings(move |settings| {
            settings.limits.enabled = true;
            settings.limits.login_per_minute = LIMIT;
            settings.redis.timeout = redis_timeout;
            let networks = trusted.split_whitespace();
            settings.http.trusted_proxies = networks.map(|network| network.parse().expect("a network")).collect();
        })
        .spawn()
        .await;
    (app, clock)
}

/// A login with a wrong password, through a proxy that says `forwarded`.
async fn wrong_login(http: &Http, n: usize, forwarded: &str) -> Answer {
    // Half of them against an account that exists.
    let identifier = if n.is_multiple_of(2) {
        "ada@example.com".to_owned()
    } else {
        format!("user{n}@example.com")
    };
    let body = json!({"identifier": identifier, "password": "not the right password"});
    let request = http.request(Method::POST, "/auth/login").json(&body);
    let request = if forwarded.is_empty() {
        request
    } else {
        request
            .header("x-forwarded-for", forwarded)
            .header("x-real-ip", forwarded)
            .header("forwarded", format!("for={forwarded}"))
    };
    http.send(request).await
}

/// Sends [`TRIES`] wrong logins at once; returns how many got as far as the password.
async fn storm(http: &Http, forwarded: impl Fn(usize) -> String) -> usize {
    let answers = join_all((0..TRIES).map(|n| {
        let forwarded = forwarded(n);
        async move { wrong_login(http, n, &forwarded).await }
    }));
    let mut tried = 0;
    for answer in answers.await {
        if answer.status == 401 {
            answer.expect_problem(401, "invalid_credentials");
            tried += 1;
        } else {
            assert_limited(answer);
        }
    }
    tried
}

/// The answer to one try too many; returns the seconds to wait.
#[track_caller]
fn assert_limited(answer: Answer) -> u64 {
    let answer = answer.expect_problem(429, "rate_limited");
    let wait = answer.header("retry-after").and_then(|value| value.parse().ok());
    let wait = wait.expect("whole seconds");
    assert!((1..=60).contains(&wait), "{wait}");
    wait
}

async fn parallel_wrong_logins_stop_at_the_limit(backend: Backend) {
    let (app, clock) = limited(backend, "").await;
    app.registered("ada@example.com").await;
    let tried = storm(&app, |_| String::new()).await;
    assert_eq!(tried, LIMIT as usize);
    assert_eq!(
        app.failed_logins().await,
        i64::from(LIMIT),
        "no other try reached the hasher"
    );

    // The right password is a try too, and waits its turn.
    let wait = assert_limited(app.login("ada@example.com", PASSWORD).await);
    clock.advance(Duration::from_secs(wait));
    app.login("ada@example.com", PASSWORD).await.expect_status(200);
    assert_limited(app.login("ada@example.com", PASSWORD).await);
    // A long rest gives the whole quota back, and no more.
    clock.advance(60 * MINUTE);
    assert_eq!(storm(&app, |_| String::new()).await, LIMIT as usize);
    assert_eq!(app.failed_logins().await, 2 * i64::from(LIMIT));
    app.finish().await;
}

async fn a_forged_forwarding_header_does_not_bypass_the_limit(backend: Backend) {
    // Nobody is trusted: what the client says about itself is not read.
    let (app, clock) = limited(backend, "").await;
    let forged = |n| format!("198.51.100.{n}");
    assert_eq!(storm(&app, forged).await, LIMIT as usize);
    assert_eq!(app.failed_logins().await, i64::from(LIMIT));
    drop(clock);
    app.finish().await;

    // A trusted proxy adds the address that it saw at the right; what stands left of it is the client's own.
    let (app, _clock) = limited(backend, "127.0.0.1/32").await;
    let prepended = |n| format!("198.51.100.{n}, 203.0.113.7");
    assert_eq!(storm(&app, prepended).await, LIMIT as usize);
    assert_eq!(app.failed_logins().await, i64::from(LIMIT));
    assert_limited(wrong_login(&app, 0, "203.0.113.7").await);
    wrong_login(&app, 0, "203.0.113.8")
        .await
        .expect_problem(401, "invalid_credentials");
    app.finish().await;
}

async fn registrations_and_refreshes_are_rate_limited(backend: Backend) {
    let app = TestApp::builder(backend)
        .clock(TestClock::frozen())
        .settings(|settings| {
            settings.limits.enabled = true;
            settings.limits.register_per_hour = 3;
            settings.limits.refresh_per_minute = 5;
            settings.redis.timeout = PATIENCE;
        })
        .spawn()
        .await;
    let first = app.registered("user0@example.com").await.tokens();
    let second = app.registered("user1@example.com").await.tokens();
    app.registered("user2@example.com").await;
    let refused = app
        .register("user3@example.com", PASSWORD)
        .await
        .expect_problem(429, "rate_limited");
    let wait: u64 = refused
        .header("retry-after")
        .and_then(|value| value.parse().ok())
        .expect("seconds");
    assert!((1..=1200).contains(&wait), "a third of an hour at most: {wait}");
    assert_eq!(
        app.database.count("SELECT count(*) FROM users").await.expect("a query"),
        3
    );

    let mut answers = join_all((0..20).map(|_| app.refresh(&first.refresh))).await;
    answers.retain(|answer| answer.status != 200);
    assert_eq!(answers.len(), 15);
    for answer in answers {
        assert_limited(answer);
    }
    // Another session has a count of its own.
    app.refresh(&second.refresh).await.expect_status(200);
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_instances_share_one_rate_limit() {
    let (app, clock) = limited(Backend::Postgres, "").await;
    app.registered("ada@example.com").await;
    let mut second = app.second_instance(clock.clone()).await;
    let (here, there) = tokio::join!(storm(&app, |_| String::new()), storm(&second, |_| String::new()));
    assert_eq!(here + there, LIMIT as usize, "{here} + {there}");
    assert_eq!(app.failed_logins().await, i64::from(LIMIT));
    clock.advance(MINUTE);
    assert_eq!(storm(&second, |_| String::new()).await, LIMIT as usize);
    assert_limited(app.login("ada@example.com", PASSWORD).await);
    second.stop().await.expect("stop the second instance");
    app.finish().await;
}

/// Sends something that must be answered before the service's deadline.
async fn in_time<F: Future<Output = Answer>>(request: F) -> Answer {
    let start = Instant::now();
    let answer = request.await;
    assert!(start.elapsed() < DEADLINE, "{:?}: {}", start.elapsed(), answer.text);
    answer
}

/// Two instances that remember two sessions of one account, of which the first was revoked and the second was not.
struct Outage {
    app: TestApp,
    second: Instance,
    clock: TestClock,
    revoked: Tokens,
    active: Tokens,
}

impl Outage {
    async fn new() -> Self {
        let (app, clock) = limited_with(Backend::Postgres, "", Duration::from_millis(500)).await;
        let revoked = app.registered("ada@example.com").await.tokens();
        let active = app.login("ada@example.com", PASSWORD).await.tokens();
        let second = app.second_instance(clock.clone()).await;
        for tokens in [&revoked, &active] {
            second.me(&tokens.access).await.expect_status(200);
        }
        app.logout(&revoked.access, "local").await.expect_status(204);
        clock.advance(MINUTE);
        Self {
            app,
            second,
            clock,
            revoked,
            active,
        }
    }

    fn redis(&mut self) -> &mut RedisServer {
        self.app.redis.as_mut().expect("Redis")
    }

    /// Revokes the second session as well, whatever Redis does. What another instance remembers is at most a second old.
    async fn revoke(&self) {
        in_time(self.app.logout(&self.active.access, "local"))
            .await
            .expect_status(204);
        self.clock.advance(Duration::from_secs(1));
    }

    /// Both instances refuse both sessions.
    async fn assert_revoked(&self) {
        for instance in [&*self.app, &self.second] {
            for tokens in [&self.revoked, &self.active] {
                in_time(instance.me(&tokens.access))
                    .await
                    .expect_problem(401, "invalid_token");
                in_time(instance.refresh(&tokens.refresh))
                    .await
                    .expect_problem(401, "invalid_refresh_token");
            }
        }
    }

    async fn finish(mut self) {
        self.second.stop().await.expect("stop the second instance");
        self.app.finish().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rate_limits_and_revocations_hold_without_redis() {
    let mut outage = Outage::new().await;
    let other = outage.app.login("ada@example.com", PASSWORD).await.tokens();
    outage.clock.advance(MINUTE);
    outage.redis().kill();
    for instance in [&*outage.app, &outage.second] {
        in_time(instance.login("ada@example.com", PASSWORD))
            .await
            .expect_status(200);
        let tried = storm(instance, |_| String::new()).await;
        assert_eq!(tried, LIMIT as usize - 1, "each instance counts for itself");
    }
    assert_eq!(outage.app.failed_logins().await, 2 * i64::from(LIMIT - 1));
    outage.revoke().await;
    outage.assert_revoked().await;
    for instance in [&*outage.app, &outage.second] {
        in_time(instance.me(&other.access)).await.expect_status(200);
    }
    outage.finish().await;
}

/// A Redis that comes back has forgotten everything; the database has not.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn revocations_hold_and_limits_return_when_redis_comes_back_empty() {
    let mut outage = Outage::new().await;
    outage.redis().kill();
    outage.revoke().await;
    outage.redis().start_again().await;
    outage.clock.advance(MINUTE);
    let (app, clock) = (&outage.app, &outage.clock);
    eventually(SOON, || async {
        // A wrong login, so that there is something to count.
        wrong_login(app, 0, "").await;
        clock.advance(MINUTE / LIMIT);
        let keys = app.redis.as_ref()?.command("KEYS watchword:limit:login:*").await.ok()?;
        keys.starts_with("*1").then_some(())
    })
    .await;
    outage.assert_revoked().await;
    outage.finish().await;
}

/// A Redis that does not answer costs a little time, and nothing else.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn logins_and_revocations_hold_while_redis_is_frozen() {
    let mut outage = Outage::new().await;
    outage.redis().pause();
    in_time(outage.app.login("ada@example.com", PASSWORD))
        .await
        .expect_status(200);
    outage.revoke().await;
    outage.assert_revoked().await;
    outage.redis().resume();
    outage.finish().await;
}
