//! Rate limits of instances that share a Redis, and the quota that each grants by itself.

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;
use prometheus::IntCounter;
use time::OffsetDateTime;
use watchword::config::Settings;
use watchword::domain::clock::{Clock as _, SystemClock};
use watchword::limits::{Identifier, InMemoryLimiter, LimitTime, Limits, RateLimit, RedisLimiter};
use watchword::redis_connection::RedisConnection;
use watchword::telemetry::Metrics;

use crate::support::redis::RedisServer;

const QUOTA: u32 = 8;
const HALF: u32 = QUOTA / 2;
const MINUTE: Duration = Duration::from_secs(60);

/// The limits of an instance, and the counter of its fallbacks to the process.
async fn instance(redis: &RedisServer) -> (Limits, IntCounter) {
    let connection = RedisConnection::open(&redis.url(), Duration::from_secs(5)).await.expect("connect");
    let metrics = Metrics::new().expect("metrics");
    let fallbacks = metrics.limits().fallbacks.clone();
    let shared = RedisLimiter::new(connection, LimitTime::Caller, InMemoryLimiter::new(1000), fallbacks.clone());
    let mut settings = Settings::load_from(None, []).expect("the defaults").limits;
    settings.refresh.count = QUOTA;
    settings.login_account_network.count = QUOTA;
    (Limits::new(&settings, Arc::new(shared), metrics.limits().clone()), fallbacks)
}

/// Charge parallel refreshes of a session. Return the number of granted ones.
async fn charge_refreshes(limits: &Limits, session: &str, attempts: u32, now: OffsetDateTime) -> u32 {
    let attempts = (0..attempts).map(|_| limits.charge(RateLimit::Refresh, session, None, now));
    let granted = join_all(attempts).await.iter().filter(|charge| charge.is_ok()).count();
    u32::try_from(granted).expect("a small number")
}

/// Charge parallel logins of one identifier from one network. Return the number of granted ones.
async fn charge_logins(limits: &Limits, attempts: u32, now: OffsetDateTime) -> u32 {
    let identifier = Identifier::new([1; 32]);
    let attempts = (0..attempts).map(|_| limits.charge_login(identifier, None, now));
    let granted = join_all(attempts).await.iter().filter(|charge| charge.is_ok()).count();
    u32::try_from(granted).expect("a small number")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn instances_share_password_attempts_and_half_used_refresh_quotas() {
    let redis = RedisServer::start().await;
    let ((first, first_fallbacks), (second, second_fallbacks)) = (instance(&redis).await, instance(&redis).await);
    let now = SystemClock.now();

    assert_eq!(charge_logins(&first, HALF, now).await, HALF);
    assert_eq!(charge_logins(&second, QUOTA, now).await, HALF, "the instances share the quota of logins");

    assert_eq!(
        charge_refreshes(&first, "a", 3 * QUOTA, now).await,
        QUOTA,
        "one instance grants the quota"
    );
    assert_eq!(
        charge_refreshes(&second, "a", QUOTA, now).await,
        HALF,
        "another instance grants half of it"
    );
    assert_eq!(
        charge_refreshes(&first, "a", 1, now + MINUTE / QUOTA).await,
        1,
        "the quota refills at the usual rate"
    );
    assert_eq!(charge_refreshes(&first, "a", 1, now + MINUTE / QUOTA).await, 0);
    assert_eq!(charge_refreshes(&first, "a", 3 * QUOTA, now + 3 * MINUTE).await, QUOTA);
    assert_eq!(first_fallbacks.get() + second_fallbacks.get(), 0, "Redis answered");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_rarely_refreshed_session_sends_nothing_to_redis() {
    let mut redis = RedisServer::start().await;
    let (limits, fallbacks) = instance(&redis).await;
    redis.kill();
    let now = SystemClock.now();
    assert_eq!(charge_refreshes(&limits, "a", HALF, now).await, HALF);
    assert_eq!(fallbacks.get(), 0);
    assert_eq!(charge_refreshes(&limits, "a", QUOTA, now).await, HALF, "the process continues to count");
    assert_eq!(fallbacks.get(), i64::from(QUOTA).unsigned_abs());
}
