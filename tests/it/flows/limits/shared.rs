//! What instances that share a Redis count together, and what each gives out by itself.

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;
use prometheus::IntCounter;
use time::OffsetDateTime;
use watchword::config::Settings;
use watchword::domain::clock::{Clock as _, SystemClock};
use watchword::limits::{Identifier, InMemoryLimiter, Limits, RateLimit, RedisLimiter};
use watchword::telemetry::Metrics;

use crate::support::redis::RedisServer;

const QUOTA: u32 = 8;
const HALF: u32 = QUOTA / 2;
const MINUTE: Duration = Duration::from_secs(60);

/// An instance's limits over the same Redis as others', and how often Redis did not answer it.
async fn instance(redis: &RedisServer) -> (Limits, IntCounter) {
    let client = redis::Client::open(redis.url()).expect("an address");
    let manager = client.get_connection_manager().await.expect("Redis");
    let metrics = Metrics::new().expect("metrics");
    let fallbacks = metrics.limits().fallbacks.clone();
    let shared = RedisLimiter::new(manager, InMemoryLimiter::new(1000), fallbacks.clone());
    let mut settings = Settings::load_from(None, []).expect("the defaults").limits;
    settings.refresh_per_minute = QUOTA;
    settings.login_per_account_per_minute = QUOTA;
    (
        Limits::new(&settings, Arc::new(shared), metrics.limits().clone()),
        fallbacks,
    )
}

/// How many of so many refreshes of a session at one moment pass.
async fn refreshed(limits: &Limits, session: &str, tries: u32, now: OffsetDateTime) -> u32 {
    let tries = (0..tries).map(|_| limits.charge(RateLimit::Refresh, session, None, now));
    let passed = join_all(tries).await.iter().filter(|tried| tried.is_ok()).count();
    u32::try_from(passed).expect("a small number")
}

/// The same for passwords of one identifier from one network.
async fn tried(limits: &Limits, tries: u32, now: OffsetDateTime) -> u32 {
    let who = Identifier::new([1; 32]);
    let tries = (0..tries).map(|_| limits.charge_login(who, None, now));
    let passed = join_all(tries).await.iter().filter(|tried| tried.is_ok()).count();
    u32::try_from(passed).expect("a small number")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn instances_share_password_attempts_and_half_used_refresh_quotas() {
    let redis = RedisServer::start().await;
    let ((first, of_first), (second, of_second)) = (instance(&redis).await, instance(&redis).await);
    let now = SystemClock.now();

    assert_eq!(tried(&first, HALF, now).await, HALF);
    assert_eq!(
        tried(&second, QUOTA, now).await,
        HALF,
        "no password is tried twice for it"
    );

    assert_eq!(
        refreshed(&first, "a", 3 * QUOTA, now).await,
        QUOTA,
        "one instance gives out no more"
    );
    assert_eq!(
        refreshed(&second, "a", QUOTA, now).await,
        HALF,
        "another one half as much"
    );
    assert_eq!(
        refreshed(&first, "a", 1, now + MINUTE / QUOTA).await,
        1,
        "the rate is as ever"
    );
    assert_eq!(refreshed(&first, "a", 1, now + MINUTE / QUOTA).await, 0);
    assert_eq!(refreshed(&first, "a", 3 * QUOTA, now + 3 * MINUTE).await, QUOTA);
    assert_eq!(of_first.get() + of_second.get(), 0, "Redis answered");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_rarely_refreshed_session_sends_nothing_to_redis() {
    let mut redis = RedisServer::start().await;
    let (limits, fallbacks) = instance(&redis).await;
    redis.kill();
    let now = SystemClock.now();
    assert_eq!(refreshed(&limits, "a", HALF, now).await, HALF);
    assert_eq!(fallbacks.get(), 0);
    assert_eq!(
        refreshed(&limits, "a", QUOTA, now).await,
        HALF,
        "the process goes on counting"
    );
    assert_eq!(fallbacks.get(), i64::from(QUOTA).unsigned_abs());
}
