//! Rate limits that all instances share.

use std::time::Duration;

use futures_util::future::{BoxFuture, FutureExt as _};
use prometheus::IntCounter;
use redis::Script;
use time::OffsetDateTime;

use super::in_memory::InMemoryLimiter;
use super::limiter::{Charge, Charges, Exhausted, RateLimiter, Reset, micros};
use crate::redis_connection::{KEY_PREFIX, RedisAway, RedisConnection};

/// The time in microseconds: the server's, unless the caller gives one.
const NOW: &str = "\
local now = tonumber(ARGV[1])
if now == 0 then
  local time = redis.call('TIME')
  now = time[1] * 1000000 + time[2]
end
";

/// The algorithm of `gcra.rs` over all charges of a request, all or nothing, in one round trip. The
/// server runs it, so that parallel requests cannot pass each other, and by its own time, so that
/// the clocks of instances do not matter. A key expires when its arrival time is past.
///
/// `KEYS`: one per charge, then the key of the trusted network, if any. `ARGV`: now, 1 if there is
/// such a key, then for each charge the interval, the tolerance, 1 if it is waived for trusted
/// networks, and how far the arrival time that the caller has counted is ahead.
const CHARGE: &str = "\
local charges, arrivals = (#ARGV - 2) / 4, {}
local trusted = ARGV[2] == '1' and redis.call('EXISTS', KEYS[#KEYS]) == 1
local exhausted, longest = 0, 0
for n = 1, charges do
  if not (trusted and ARGV[4 * n + 1] == '1') then
    local arrival = math.max(tonumber(redis.call('GET', KEYS[n]) or '0'), now + tonumber(ARGV[4 * n + 2]))
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

/// `KEYS`: trusted networks, counts to clear, counts to refund. `ARGV`: now, the number of trusted
/// networks, the number of counts to clear, how many milliseconds networks stay trusted, then the
/// interval of each count to refund.
const RESET: &str = "\
local trusted, cleared = tonumber(ARGV[2]), tonumber(ARGV[3])
if redis.call('EXISTS', KEYS[1]) == 0 then
  for n = trusted + cleared + 1, #KEYS do
    local arrival = tonumber(redis.call('GET', KEYS[n]) or '0') - tonumber(ARGV[4 + n - trusted - cleared])
    if arrival > now then
      redis.call('SET', KEYS[n], string.format('%.0f', arrival), 'PX', math.ceil((arrival - now) / 1000) + 1)
    else
      redis.call('DEL', KEYS[n])
    end
  end
end
for n = trusted + 1, trusted + cleared do redis.call('DEL', KEYS[n]) end
for n = 1, trusted do redis.call('SET', KEYS[n], '1', 'PX', ARGV[4]) end
return 0";

/// Whose time counts in Redis.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LimitTime {
    /// That of the Redis server: instances may have clocks apart.
    Server,
    /// That of the caller: for a clock which no server knows, as that of a test.
    Caller,
}

/// Counts in Redis, and in this process while Redis is away. The first half of some quotas
/// is counted in this process too ([`Charge::local_first_half`]): each further instance may grant
/// half a quota more than one instance would.
pub struct RedisLimiter {
    redis: RedisConnection,
    charge: Script,
    reset: Script,
    time: LimitTime,
    fallback: InMemoryLimiter,
    fallbacks: IntCounter,
}

impl RedisLimiter {
    /// `fallbacks` counts the uses of `fallback` while Redis is away.
    #[must_use]
    pub fn new(redis: RedisConnection, time: LimitTime, fallback: InMemoryLimiter, fallbacks: IntCounter) -> Self {
        Self {
            redis,
            charge: Script::new(&[NOW, CHARGE].concat()),
            reset: Script::new(&[NOW, RESET].concat()),
            time,
            fallback,
            fallbacks,
        }
    }

    /// `now` as the scripts take it.
    fn time_of(&self, now: OffsetDateTime) -> i64 {
        match self.time {
            LimitTime::Server => 0,
            LimitTime::Caller => micros(now),
        }
    }

    async fn count(&self, charges: &Charges, now: OffsetDateTime) -> Result<(usize, i64), RedisAway> {
        let mut call = self.charge.prepare_invoke();
        for charge in &charges.charges {
            call.key(name(&charge.key));
        }
        if let Some(network) = &charges.trusted {
            call.key(name(network));
        }
        call.arg(self.time_of(now)).arg(u8::from(charges.trusted.is_some()));
        for charge in &charges.charges {
            call.arg(charge.quota.interval_micros())
                .arg(charge.quota.tolerance_micros())
                .arg(u8::from(charge.waived_for_trusted))
                .arg(self.counted_here(charge, now));
        }
        let call = &call;
        self.redis.run(|mut redis| async move { call.invoke_async(&mut redis).await }).await
    }

    /// How far the charges that this process granted without Redis are ahead of the steady rate.
    fn counted_here(&self, charge: &Charge, now: OffsetDateTime) -> i64 {
        if charge.local_first_half {
            self.fallback.arrival(&charge.key).saturating_sub(micros(now)).max(0)
        } else {
            0
        }
    }

    async fn reset_shared(&self, reset: &Reset, now: OffsetDateTime) -> Result<(), RedisAway> {
        let mut call = self.reset.prepare_invoke();
        let refunded = reset.refund.iter().map(|charge| &charge.key);
        for key in reset.trust.iter().chain(&reset.clear).chain(refunded) {
            call.key(name(key));
        }
        let trust_for = i64::try_from(reset.trust_for.as_millis()).unwrap_or(i64::MAX).max(1);
        call.arg(self.time_of(now)).arg(reset.trust.len()).arg(reset.clear.len()).arg(trust_for);
        for charge in &reset.refund {
            call.arg(charge.quota.interval_micros());
        }
        let call = &call;
        self.redis.run(|mut redis| async move { call.invoke_async(&mut redis).await }).await
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
                    // Count it here too, so that a burst that slows Redis down does not find a
                    // fresh quota here.
                    let _ = self.fallback.charge(charges, now).await;
                    Ok(())
                }
                Ok((charge, wait)) => Err(Exhausted {
                    charge: charge - 1,
                    wait: Duration::from_micros(wait.unsigned_abs()),
                }),
                Err(RedisAway) => {
                    self.fallbacks.inc();
                    self.fallback.charge(charges, now).await
                }
            }
        }
        .boxed()
    }

    fn reset<'a>(&'a self, reset: &'a Reset, now: OffsetDateTime) -> BoxFuture<'a, ()> {
        async move {
            self.fallback.reset(reset, now).await;
            if self.reset_shared(reset, now).await.is_err() {
                self.fallbacks.inc();
            }
        }
        .boxed()
    }
}

fn name(key: &str) -> String {
    format!("{KEY_PREFIX}limit:{key}")
}
