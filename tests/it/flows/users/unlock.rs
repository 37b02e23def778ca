//! What an administrator's unlocking forgets, in the process and in Redis.

use std::net::IpAddr;
use std::sync::Arc;

use watchword::config::Settings;
use watchword::domain::clock::{Clock as _, SystemClock};
use watchword::limits::{Exceeded, Identifier, InMemoryLimiter, Limits, RateLimit, RateLimiter, RedisLimiter};
use watchword::telemetry::Metrics;

use crate::support::redis::RedisServer;

const ADA: Identifier = Identifier::new([1; 32]);
const BOB: Identifier = Identifier::new([2; 32]);

async fn tried(limits: &Limits, who: Identifier, network: u8) -> Result<(), RateLimit> {
    let ip = Some(IpAddr::from([192, 0, 2, network]));
    let reserved = limits.charge_login(who, ip, SystemClock.now()).await;
    reserved.map_err(|exceeded: Exceeded| exceeded.limit)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn unlocking_resets_failed_logins_from_other_networks() {
    let redis = RedisServer::start().await;
    let client = redis::Client::open(redis.url()).expect("an address");
    let manager = client.get_connection_manager().await.expect("Redis");
    let metrics = Metrics::new().expect("metrics");
    let fallbacks = metrics.limits().fallbacks.clone();
    let in_redis = RedisLimiter::new(manager, InMemoryLimiter::new(1000), fallbacks.clone());
    let places: [Arc<dyn RateLimiter>; 2] = [Arc::new(InMemoryLimiter::new(1000)), Arc::new(in_redis)];
    let mut settings = Settings::load_from(None, []).expect("the defaults").limits;
    settings.login_per_account_per_day = 4;
    settings.login_per_account_per_minute = 2;
    for place in places {
        let limits = Limits::new(&settings, place, metrics.limits().clone());
        for who in [ADA, BOB] {
            for network in [1, 1, 2, 2] {
                tried(&limits, who, network).await.expect("a try");
            }
            assert_eq!(tried(&limits, who, 3).await, Err(RateLimit::LoginAccount));
        }
        limits.unlock(&[ADA], SystemClock.now()).await;
        tried(&limits, ADA, 3).await.expect("a try again");
        assert_eq!(
            tried(&limits, ADA, 1).await,
            Err(RateLimit::LoginPairDay),
            "networks' own counts stay"
        );
        assert_eq!(
            tried(&limits, BOB, 3).await,
            Err(RateLimit::LoginAccount),
            "others' counts stay"
        );
    }
    assert_eq!(fallbacks.get(), 0, "Redis answered");
}
