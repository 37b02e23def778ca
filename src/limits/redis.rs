//! Limits that all instances share.

use std::time::Duration;

use futures_util::future::{BoxFuture, FutureExt as _};
use redis::Script;
use redis::aio::ConnectionManager;
use time::OffsetDateTime;

use super::{Exceeded, InProcess, Quota, RateLimiter};

/// The algorithm of `gcra.rs`, run by the server so that parallel tries can't pass one another. Times are the callers':
/// a key's expiry removes it once its arrival time is past.
const RESERVE: &str = "\
local now, interval, tolerance = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local arrival = math.max(tonumber(redis.call('GET', KEYS[1]) or '0'), now)
local ahead = arrival - now
if ahead > tolerance then return ahead - tolerance end
redis.call('SET', KEYS[1], string.format('%.0f', arrival + interval), 'PX', math.ceil((ahead + interval) / 1000) + 1)
return 0";

/// Counts in Redis; in this process while Redis does not answer.
pub struct Shared {
    redis: ConnectionManager,
    script: Script,
    fallback: InProcess,
}

impl Shared {
    /// Counts through `redis`, and in `fallback` while it is down.
    #[must_use]
    pub fn new(redis: ConnectionManager, fallback: InProcess) -> Self {
        Self {
            redis,
            script: Script::new(RESERVE),
            fallback,
        }
    }

    async fn count(&self, key: &str, quota: Quota, now: OffsetDateTime) -> redis::RedisResult<i64> {
        let micros = i64::try_from(now.unix_timestamp_nanos() / 1000).unwrap_or(i64::MAX);
        let mut call = self.script.key(format!("watchword:limit:{key}"));
        call.arg(micros)
            .arg(quota.interval_micros())
            .arg(quota.tolerance_micros());
        call.invoke_async(&mut self.redis.clone()).await
    }
}

impl RateLimiter for Shared {
    fn reserve<'a>(&'a self, key: &'a str, quota: Quota, now: OffsetDateTime) -> BoxFuture<'a, Result<(), Exceeded>> {
        async move {
            match self.count(key, quota, now).await {
                Ok(0) => {
                    // Counted here too, so that a burst that makes Redis slow does not find a fresh quota here.
                    let _ = self.fallback.reserve(key, quota, now).await;
                    Ok(())
                }
                Ok(wait) => Err(Exceeded {
                    retry_after: Duration::from_micros(wait.unsigned_abs()),
                }),
                Err(error) => {
                    tracing::warn!(%error, "Redis does not answer: rate limits are counted in this process");
                    self.fallback.reserve(key, quota, now).await
                }
            }
        }
        .boxed()
    }

    fn forget<'a>(&'a self, key: &'a str) -> BoxFuture<'a, ()> {
        async move {
            let (mut redis, key_there) = (self.redis.clone(), format!("watchword:limit:{key}"));
            let deleted: redis::RedisResult<()> = redis::AsyncCommands::del(&mut redis, key_there).await;
            if let Err(error) = deleted {
                tracing::warn!(%error, "Redis does not answer: a rate limit still counts there");
            }
            self.fallback.forget(key).await;
        }
        .boxed()
    }
}
