//! Rate limits of requests, with forged addresses, several instances and failures of Redis.

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
const LOGINS: usize = 200;
const MINUTE: Duration = Duration::from_secs(60);
const TIMEOUT: Duration = Duration::from_secs(60);
/// On a busy machine, Redis may need longer than the default timeout. A timeout would make the
/// process count on its own.
const REDIS_TIMEOUT: Duration = Duration::from_secs(5);
/// The service's own deadline for a request.
const DEADLINE: Duration = Duration::from_secs(10);

/// An application with rate limits and a frozen clock, so that no quota refills.
async fn limited(backend: Backend, trusted: &'static str) -> (TestApp, TestClock) {
    limited_with(backend, trusted, REDIS_TIMEOUT).await
}

/// Like [`limited`], with a timeout for Redis.
async fn limited_with(backend: Backend, trusted: &'static str, redis_timeout: Duration) -> (TestApp, TestClock) {
    let clock = TestClock::frozen();
    let app = TestApp::builder(backend)
        .clock(clock.clone())
        .settings(move |settings| {
            settings.limits.enabled = true;
            settings.limits.login.count = LIMIT;
            settings.redis.timeout = redis_timeout;
            let networks = trusted.split_whitespace();
            settings.http.trusted_proxies = networks.map(|network| network.parse().expect("a network")).collect();
        })
        .spawn()
        .await;
    (app, clock)
}

/// Log in with a wrong password and forwarding headers.
async fn wrong_login(http: &Http, n: usize, forwarded: &str) -> Answer {
    // Half of the logins use an existing account.
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

/// Send [`LOGINS`] wrong logins in parallel. Return the number of verified passwords.
async fn send_wrong_logins(http: &Http, forwarded: impl Fn(usize) -> String) -> usize {
    let answers = join_all((0..LOGINS).map(|n| {
        let forwarded = forwarded(n);
        async move { wrong_login(http, n, &forwarded).await }
    }));
    let mut verified = 0;
    for answer in answers.await {
        if answer.status == 401 {
            answer.expect_problem(401, "invalid_credentials");
            verified += 1;
        } else {
            assert_limited(answer);
        }
    }
    verified
}

/// Assert a 429 response. Return the seconds to wait.
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
    let verified = send_wrong_logins(&app, |_| String::new()).await;
    assert_eq!(verified, LIMIT as usize);
    assert_eq!(app.failed_logins().await, i64::from(LIMIT), "no other login reached the hasher");

    // The limit also holds for the right password.
    let wait = assert_limited(app.login("ada@example.com", PASSWORD).await);
    clock.advance(Duration::from_secs(wait));
    app.login("ada@example.com", PASSWORD).await.expect_status(200);
    assert_limited(app.login("ada@example.com", PASSWORD).await);
    // After an hour the quota is full, but not larger.
    clock.advance(60 * MINUTE);
    assert_eq!(send_wrong_logins(&app, |_| String::new()).await, LIMIT as usize);
    assert_eq!(app.failed_logins().await, 2 * i64::from(LIMIT));
    app.finish().await;
}

async fn a_forged_forwarding_header_does_not_bypass_the_limit(backend: Backend) {
    // Without trusted proxies, forwarding headers are ignored.
    let (app, clock) = limited(backend, "").await;
    let forged = |n| format!("198.51.100.{n}");
    assert_eq!(send_wrong_logins(&app, forged).await, LIMIT as usize);
    assert_eq!(app.failed_logins().await, i64::from(LIMIT));
    drop(clock);
    app.finish().await;

    // A trusted proxy appends the address of its client. Addresses before it may be forged.
    let (app, _clock) = limited(backend, "127.0.0.1/32").await;
    let prepended = |n| format!("198.51.100.{n}, 203.0.113.7");
    assert_eq!(send_wrong_logins(&app, prepended).await, LIMIT as usize);
    assert_eq!(app.failed_logins().await, i64::from(LIMIT));
    assert_limited(wrong_login(&app, 0, "203.0.113.7").await);
    wrong_login(&app, 0, "203.0.113.8").await.expect_problem(401, "invalid_credentials");
    app.finish().await;
}

async fn registrations_and_refreshes_are_rate_limited(backend: Backend) {
    let app = TestApp::builder(backend)
        .clock(TestClock::frozen())
        .settings(|settings| {
            settings.limits.enabled = true;
            settings.limits.register.count = 3;
            settings.limits.refresh.count = 5;
            settings.redis.timeout = REDIS_TIMEOUT;
        })
        .spawn()
        .await;
    let first = app.registered("user0@example.com").await.tokens();
    let second = app.registered("user1@example.com").await.tokens();
    app.registered("user2@example.com").await;
    let refused = app.register("user3@example.com", PASSWORD).await.expect_problem(429, "rate_limited");
    let wait: u64 = refused.header("retry-after").and_then(|value| value.parse().ok()).expect("seconds");
    assert!((1..=1200).contains(&wait), "longer than a third of an hour: {wait}");
    assert_eq!(app.database.count("SELECT count(*) FROM users").await.expect("a query"), 3);

    let mut answers = join_all((0..20).map(|_| app.refresh(&first.refresh))).await;
    answers.retain(|answer| answer.status != 200);
    assert_eq!(answers.len(), 15);
    for answer in answers {
        assert_limited(answer);
    }
    // Another session has its own quota.
    app.refresh(&second.refresh).await.expect_status(200);
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_instances_share_one_rate_limit() {
    let (app, clock) = limited(Backend::Postgres, "").await;
    app.registered("ada@example.com").await;
    let mut second = app.second_instance(clock.clone()).await;
    let (here, there) =
        tokio::join!(send_wrong_logins(&app, |_| String::new()), send_wrong_logins(&second, |_| String::new()));
    assert_eq!(here + there, LIMIT as usize, "{here} + {there}");
    assert_eq!(app.failed_logins().await, i64::from(LIMIT));
    clock.advance(MINUTE);
    assert_eq!(send_wrong_logins(&second, |_| String::new()).await, LIMIT as usize);
    assert_limited(app.login("ada@example.com", PASSWORD).await);
    second.stop().await.expect("stop the second instance");
    app.finish().await;
}

/// Assert that the response comes before the service's deadline.
async fn in_time<F: Future<Output = Answer>>(request: F) -> Answer {
    let start = Instant::now();
    let answer = request.await;
    assert!(start.elapsed() < DEADLINE, "{:?}: {}", start.elapsed(), answer.text);
    answer
}

/// Two instances with two cached sessions of one account. The first session is revoked.
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
        Self { app, second, clock, revoked, active }
    }

    fn redis(&mut self) -> &mut RedisServer {
        self.app.redis.as_mut().expect("Redis")
    }

    /// Revoke the second session, and wait until the session caches expire.
    async fn revoke(&self) {
        in_time(self.app.logout(&self.active.access, "local")).await.expect_status(204);
        self.clock.advance(Duration::from_secs(1));
    }

    /// Assert that both instances refuse both sessions.
    async fn assert_revoked(&self) {
        for instance in [&*self.app, &self.second] {
            for tokens in [&self.revoked, &self.active] {
                in_time(instance.me(&tokens.access)).await.expect_problem(401, "invalid_token");
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
        in_time(instance.login("ada@example.com", PASSWORD)).await.expect_status(200);
        let verified = send_wrong_logins(instance, |_| String::new()).await;
        assert_eq!(verified, LIMIT as usize - 1, "each instance has its own count");
    }
    assert_eq!(outage.app.failed_logins().await, 2 * i64::from(LIMIT - 1));
    outage.revoke().await;
    outage.assert_revoked().await;
    for instance in [&*outage.app, &outage.second] {
        in_time(instance.me(&other.access)).await.expect_status(200);
    }
    outage.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn revocations_hold_and_limits_return_when_redis_comes_back_empty() {
    let mut outage = Outage::new().await;
    outage.redis().kill();
    outage.revoke().await;
    outage.redis().start_again().await;
    outage.clock.advance(MINUTE);
    let (app, clock) = (&outage.app, &outage.clock);
    eventually(TIMEOUT, || async {
        // A wrong login charges the limit, which creates a key.
        wrong_login(app, 0, "").await;
        clock.advance(MINUTE / LIMIT);
        let keys = app.redis.as_ref()?.command("KEYS {watchword}:limit:login:*").await.ok()?;
        keys.starts_with("*1").then_some(())
    })
    .await;
    outage.assert_revoked().await;
    outage.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn logins_and_revocations_hold_while_redis_is_frozen() {
    let mut outage = Outage::new().await;
    outage.redis().pause();
    in_time(outage.app.login("ada@example.com", PASSWORD)).await.expect_status(200);
    outage.revoke().await;
    outage.assert_revoked().await;
    outage.redis().resume();
    outage.finish().await;
}
