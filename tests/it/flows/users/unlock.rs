//! The rate limits that `unlock` resets, in the process and in Redis.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use watchword::config::Settings;
use watchword::domain::clock::{Clock as _, SystemClock};
use watchword::limits::{
    Exceeded, Identifier, InMemoryLimiter, LimitTime, Limits, RateLimit, RateLimiter, RedisLimiter,
};
use watchword::redis_connection::RedisConnection;
use watchword::telemetry::Metrics;

use crate::support::redis::RedisServer;

const ADA: Identifier = Identifier::new([1; 32]);
const BOB: Identifier = Identifier::new([2; 32]);

async fn charge_login(limits: &Limits, identifier: Identifier, network: u8) -> Result<(), RateLimit> {
    let ip = Some(IpAddr::from([192, 0, 2, network]));
    let charged = limits.charge_login(identifier, ip, SystemClock.now()).await;
    charged.map_err(|exceeded: Exceeded| exceeded.limit)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn unlocking_resets_failed_logins_from_other_networks() {
    let redis = RedisServer::start().await;
    let connection = RedisConnection::open(&redis.url(), Duration::from_secs(5)).await.expect("connect");
    let metrics = Metrics::new().expect("metrics");
    let fallbacks = metrics.limits().fallbacks.clone();
    let in_redis = RedisLimiter::new(connection, LimitTime::Server, InMemoryLimiter::new(1000), fallbacks.clone());
    let limiters: [Arc<dyn RateLimiter>; 2] = [Arc::new(InMemoryLimiter::new(1000)), Arc::new(in_redis)];
    let mut settings = Settings::load_from(None, []).expect("the defaults").limits;
    settings.login_account.count = 4;
    settings.login_account_network.count = 2;
    for limiter in limiters {
        let limits = Limits::new(&settings, limiter, metrics.limits().clone());
        for identifier in [ADA, BOB] {
            for network in [1, 1, 2, 2] {
                charge_login(&limits, identifier, network).await.expect("a login");
            }
            assert_eq!(charge_login(&limits, identifier, 3).await, Err(RateLimit::LoginAccount));
        }
        limits.unlock(&[ADA], SystemClock.now()).await;
        charge_login(&limits, ADA, 3).await.expect("a login after the unlock");
        assert_eq!(
            charge_login(&limits, ADA, 1).await,
            Err(RateLimit::LoginPairDay),
            "`unlock` reset the limit of the network"
        );
        assert_eq!(
            charge_login(&limits, BOB, 3).await,
            Err(RateLimit::LoginAccount),
            "`unlock` reset the limit of another user"
        );
    }
    assert_eq!(fallbacks.get(), 0, "Redis answered");
}
