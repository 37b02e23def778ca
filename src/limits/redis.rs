//! Limits that all instances share.

use std::time::Duration;

use futures_util::future::{BoxFuture, FutureExt as _};
use prometheus::IntCounter;
use redis::Script;
use redis::aio::ConnectionManager;
use time::OffsetDateTime;

use super::in_memory::InMemoryLimiter;
use super::limiter::{Charge, Charges, Exhausted, RateLimiter, Reset, micros};

/// The algorithm of `gcra.rs` over all quotas of a request, run by the server so that parallel charges can't pass one another: one
/// round trip, all or nothing. Times are the callers'; a key's expiry removes it once its arrival time is past.
///
/// `KEYS`: one per charge, then the mark if there is one. `ARGV`: now, 1 if there is a mark, then interval, tolerance, 1 for strangers,
/// and the arrival time that the caller trusts of, of each charge.
const RESERVE: &str = "\
local now, charges, arrivals = tonumber(ARGV[1]), (#ARGV - 2) / 4, {}
local trusted = ARGV[2] == '1' and redis.call('EXISTS', KEYS[#KEYS]) == 1
local exhausted, longest = 0, 0
for n = 1, charges do
  if not (known and ARGV[4 * n + 1] == '1') then
    local arrival = math.max(tonumber(redis.call('GET', KEYS[n]) or '0'), tonumber(ARGV[4 * n + 2]), now)
    local wait = arrival - now - tonumber(ARGV[4 * n])
    if wait > longest then exhausted, longest = n, wait end
    arrivals[n] = arrival + tonumber(ARGV[4 * n - 1])
  end
end
if exhausted > 0 then return {exhausted, longest} end
for n = 1, charges do
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
/// [local first](Charge::local_first) is low: with several instances each may then give out half a quota more than one would.
pub struct RedisLimiter {
    redis: ConnectionManager,
    reserve: Script,
    reset: Script,
    fallback: InMemoryLimiter,
    fallbacks: IntCounter,
}

impl RedisLimiter {
    /// Counts through `redis`, and in `fallback` while it is down, which `fallbacks` counts.
    #[must_use]
    pub fn new(redis: ConnectionManager, fallback: InMemoryLimiter, fallbacks: IntCounter) -> Self {
        Self {
            redis,
            reserve: Script::new(RESERVE),
            reset: Script::new(FORGIVE),
            fallback,
            fallbacks,
        }
    }

    async fn count(&self, charges: &Charges, now: OffsetDateTime) -> redis::RedisResult<(usize, i64)> {
        let mut call = self.reserve.prepare_invoke();
        for charge in &charges.charges {
            call.key(name(&charge.key));
        }
        if let Some(mark) = &charges.trusted {
            call.key(name(mark));
        }
        call.arg(micros(now)).arg(u8::from(charges.trusted.is_some()));
        for charge in &charges.charges {
            call.arg(charge.quota.interval_micros())
                .arg(charge.quota.tolerance_micros())
                .arg(u8::from(charge.waived_for_trusted))
                .arg(self.unshared(charge));
        }
        call.invoke_async(&mut self.redis.clone()).await
    }

    /// What Redis can't know of a count: the charges that were given out here without asking.
    fn unshared(&self, charge: &Charge) -> i64 {
        if charge.local_first {
            self.fallback.arrival(&charge.key)
        } else {
            0
        }
    }

    async fn undo(&self, reset: &Reset, now: OffsetDateTime) -> redis::RedisResult<()> {
        let mut call = self.reset.prepare_invoke();
        let given_back = reset.give_back.iter().map(|charge| &charge.key);
        for key in reset.trust.iter().chain(&reset.clear).chain(given_back) {
            call.key(name(key));
        }
        let stay = i64::try_from(reset.trust_for.as_millis()).unwrap_or(i64::MAX).max(1);
        call.arg(micros(now))
            .arg(reset.trust.len())
            .arg(reset.clear.len())
            .arg(stay);
        for charge in &reset.give_back {
            call.arg(charge.quota.interval_micros());
        }
        call.invoke_async(&mut self.redis.clone()).await
    }

    fn fell_back(&self, error: &redis::RedisError) {
        self.fallbacks.inc();
        tracing::warn!(%error, "Redis does not answer: rate limits are counted in this process");
    }
}

impl RateLimiter for RedisLimiter {
    fn charge<'a>(&'a self, charges: &'a Charges, now: OffsetDateTime) -> BoxFuture<'a, Result<(), Exhausted>> {
        async move {
            if self.fallback.charge_locally(charges, now) {
                return Ok(());
            }
            match self.count(charges, now).await {
                Ok((0, _)) => {
                    // Counted here too, so that a burst that makes Redis slow does not find a fresh quota here.
                    let _ = self.fallback.charge(charges, now).await;
                    Ok(())
                }
                Ok((charge, wait)) => Err(Exhausted {
                    charge: charge - 1,
                    wait: Duration::from_micros(wait.unsigned_abs()),
                }),
                Err(error) => {
                    self.fell_back(&error);
                    self.fallback.charge(charges, now).await
                }
            }
        }
        .boxed()
    }

    fn reset<'a>(&'a self, reset: &'a Reset, now: OffsetDateTime) -> BoxFuture<'a, ()> {
        async move {
            self.fallback.reset(reset, now).await;
            if let Err(error) = self.undo(reset, now).await {
                self.fell_back(&error);
            }
        }
        .boxed()
    }
}

fn name(key: &str) -> String {
    format!("watchword:limit:{key}")
}
