//! Limits that all instances share.

use std::time::Duration;

use futures_util::future::{BoxFuture, FutureExt as _};
use prometheus::IntCounter;
use redis::Script;
use redis::aio::ConnectionManager;
use time::OffsetDateTime;

use super::limiter::{Draw, Forgiven, RateLimiter, Spent, Tries, micros};
use super::memory::InProcess;

/// The algorithm of `gcra.rs` over all quotas of a request, run by the server so that parallel tries can't pass one another: one
/// round trip, all or nothing. Times are the callers'; a key's expiry removes it once its arrival time is past.
///
/// `KEYS`: one per draw, then the mark if there is one. `ARGV`: now, 1 if there is a mark, then interval, tolerance, 1 for strangers,
/// and the arrival time that the caller knows of, of each draw.
const RESERVE: &str = "\
local now, draws, arrivals = tonumber(ARGV[1]), (#ARGV - 2) / 4, {}
local known = ARGV[2] == '1' and redis.call('EXISTS', KEYS[#KEYS]) == 1
local spent, longest = 0, 0
for n = 1, draws do
  if not (known and ARGV[4 * n + 1] == '1') then
    local arrival = math.max(tonumber(redis.call('GET', KEYS[n]) or '0'), tonumber(ARGV[4 * n + 2]), now)
    local wait = arrival - now - tonumber(ARGV[4 * n])
    if wait > longest then spent, longest = n, wait end
    arrivals[n] = arrival + tonumber(ARGV[4 * n - 1])
  end
end
if spent > 0 then return {spent, longest} end
for n = 1, draws do
  if arrivals[n] then
    redis.call('SET', KEYS[n], string.format('%.0f', arrivals[n]), 'PX', math.ceil((arrivals[n] - now) / 1000) + 1)
  end
end
return {0, 0}";

/// `KEYS`: marks, counts to clear, counts to give back to. `ARGV`: now, number of marks, number of counts to clear, milliseconds that
/// marks stay, then the interval of each count that is given back to.
const FORGIVE: &str = "\
local now, marks, cleared = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
if redis.call('EXISTS', KEYS[1]) == 0 then
  for n = marks + cleared + 1, #KEYS do
    local arrival = tonumber(redis.call('GET', KEYS[n]) or '0') - tonumber(ARGV[4 + n - marks - cleared])
    if arrival > now then
      redis.call('SET', KEYS[n], string.format('%.0f', arrival), 'PX', math.ceil((arrival - now) / 1000) + 1)
    else
      redis.call('DEL', KEYS[n])
    end
  end
end
for n = marks + 1, marks + cleared do redis.call('DEL', KEYS[n]) end
for n = 1, marks do redis.call('SET', KEYS[n], '1', 'PX', ARGV[4]) end
return 0";

/// Counts in Redis; in this process while Redis does not answer, and for as long as a count that may be
/// [local first](Draw::local_first) is low: with several instances each may then give out half a quota more than one would.
pub struct Shared {
    redis: ConnectionManager,
    reserve: Script,
    forgive: Script,
    fallback: InProcess,
    fallbacks: IntCounter,
}

impl Shared {
    /// Counts through `redis`, and in `fallback` while it is down, which `fallbacks` counts.
    #[must_use]
    pub fn new(redis: ConnectionManager, fallback: InProcess, fallbacks: IntCounter) -> Self {
        Self {
            redis,
            reserve: Script::new(RESERVE),
            forgive: Script::new(FORGIVE),
            fallback,
            fallbacks,
        }
    }

    async fn count(&self, tries: &Tries, now: OffsetDateTime) -> redis::RedisResult<(usize, i64)> {
        let mut call = self.reserve.prepare_invoke();
        for draw in &tries.draws {
            call.key(name(&draw.key));
        }
        if let Some(mark) = &tries.known {
            call.key(name(mark));
        }
        call.arg(micros(now)).arg(u8::from(tries.known.is_some()));
        for draw in &tries.draws {
            call.arg(draw.quota.interval_micros())
                .arg(draw.quota.tolerance_micros())
                .arg(u8::from(draw.for_strangers))
                .arg(self.unshared(draw));
        }
        call.invoke_async(&mut self.redis.clone()).await
    }

    /// What Redis can't know of a count: the tries that were given out here without asking.
    fn unshared(&self, draw: &Draw) -> i64 {
        if draw.local_first {
            self.fallback.arrival(&draw.key)
        } else {
            0
        }
    }

    async fn undo(&self, forgiven: &Forgiven, now: OffsetDateTime) -> redis::RedisResult<()> {
        let mut call = self.forgive.prepare_invoke();
        let given_back = forgiven.give_back.iter().map(|draw| &draw.key);
        for key in forgiven.know.iter().chain(&forgiven.clear).chain(given_back) {
            call.key(name(key));
        }
        let stay = i64::try_from(forgiven.know_for.as_millis()).unwrap_or(i64::MAX).max(1);
        call.arg(micros(now))
            .arg(forgiven.know.len())
            .arg(forgiven.clear.len())
            .arg(stay);
        for draw in &forgiven.give_back {
            call.arg(draw.quota.interval_micros());
        }
        call.invoke_async(&mut self.redis.clone()).await
    }

    fn fell_back(&self, error: &redis::RedisError) {
        self.fallbacks.inc();
        tracing::warn!(%error, "Redis does not answer: rate limits are counted in this process");
    }
}

impl RateLimiter for Shared {
    fn reserve<'a>(&'a self, tries: &'a Tries, now: OffsetDateTime) -> BoxFuture<'a, Result<(), Spent>> {
        async move {
            if self.fallback.reserve_early(tries, now) {
                return Ok(());
            }
            match self.count(tries, now).await {
                Ok((0, _)) => {
                    // Counted here too, so that a burst that makes Redis slow does not find a fresh quota here.
                    let _ = self.fallback.reserve(tries, now).await;
                    Ok(())
                }
                Ok((draw, wait)) => Err(Spent {
                    draw: draw - 1,
                    wait: Duration::from_micros(wait.unsigned_abs()),
                }),
                Err(error) => {
                    self.fell_back(&error);
                    self.fallback.reserve(tries, now).await
                }
            }
        }
        .boxed()
    }

    fn forgive<'a>(&'a self, forgiven: &'a Forgiven, now: OffsetDateTime) -> BoxFuture<'a, ()> {
        async move {
            self.fallback.forgive(forgiven, now).await;
            if let Err(error) = self.undo(forgiven, now).await {
                self.fell_back(&error);
            }
        }
        .boxed()
    }
}

fn name(key: &str) -> String {
    format!("watchword:limit:{key}")
}
