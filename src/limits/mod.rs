//! Rate limits, per network, account, session or user. They are counted in Redis if it is
//! configured, else in this process. `docs/adr/0023` explains the limits of a login.

mod gcra;
mod in_memory;
mod limiter;
mod rate_limit;
mod redis;
mod refused;

use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use time::OffsetDateTime;

pub use self::gcra::Quota;
pub use self::in_memory::InMemoryLimiter;
pub use self::limiter::{Charge, Charges, Exhausted, RateLimiter, Reset};
pub use self::rate_limit::RateLimit;
pub use self::redis::{LimitTime, RedisLimiter};
use self::refused::RefusedByKey;
pub use self::refused::RefusedRequests;
use crate::config::{LimitsSettings, RequestRate};
use crate::telemetry::LimitMetrics;

/// The keyed hash of an identifier as the client sent it. Counts are kept by it, whether or not an
/// account has the identifier.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Identifier([u8; 32]);

impl Identifier {
    /// `mac` is the keyed hash of the canonical identifier (`SecretKey::identifier_hash`), never a
    /// plain hash.
    #[must_use]
    pub const fn new(mac: [u8; 32]) -> Self {
        Self(mac)
    }

    #[must_use]
    pub const fn mac(self) -> [u8; 32] {
        self.0
    }
}

impl fmt::Display for Identifier {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(out, "{byte:02x}"))
    }
}

/// An exceeded rate limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Exceeded {
    pub limit: RateLimit,
    pub quota: Quota,
    pub retry_after: Duration,
}

/// The configured rate limits. Clones share their counts.
#[derive(Clone)]
pub struct Limits(Arc<Inner>);

struct Inner {
    settings: LimitsSettings,
    limiter: Arc<dyn RateLimiter>,
    refused: RefusedByKey,
    metrics: LimitMetrics,
}

impl Limits {
    #[must_use]
    pub fn new(settings: &LimitsSettings, limiter: Arc<dyn RateLimiter>, metrics: LimitMetrics) -> Self {
        Self(Arc::new(Inner {
            settings: settings.clone(),
            limiter,
            refused: RefusedByKey::default(),
            metrics,
        }))
    }

    /// Charge a network: an IPv4 address or an IPv6 /64. Clients without an address share one
    /// count.
    pub async fn charge_network(
        &self,
        limit: RateLimit,
        ip: Option<IpAddr>,
        now: OffsetDateTime,
    ) -> Result<(), Exceeded> {
        self.charge(limit, &network(ip), ip, now).await
    }

    /// Charge a key, for a request from `ip`.
    pub async fn charge(
        &self,
        limit: RateLimit,
        key: &str,
        ip: Option<IpAddr>,
        now: OffsetDateTime,
    ) -> Result<(), Exceeded> {
        self.charge_all(&[(limit, key.to_owned())], None, (ip, None), now).await
    }

    /// Charge a login before the password is verified: per network, per identifier and network for
    /// a minute and for a day, and per identifier over all networks that are not trusted for it.
    /// One round trip to Redis counts all of it or nothing.
    ///
    /// # Errors
    /// [`Exceeded`] with the longest wait.
    pub async fn charge_login(
        &self,
        identifier: Identifier,
        ip: Option<IpAddr>,
        now: OffsetDateTime,
    ) -> Result<(), Exceeded> {
        let (network, pair) = (network(ip), pair(identifier, ip));
        let limits = [
            (RateLimit::Login, network),
            (RateLimit::LoginPair, pair.clone()),
            (RateLimit::LoginPairDay, pair.clone()),
            (RateLimit::LoginAccount, identifier.to_string()),
        ];
        self.charge_all(&limits, Some(trusted(&pair)), (ip, Some(identifier)), now).await
    }

    /// Reset the limits after a login: the counts of all `identifiers` of the account from this
    /// network start again from zero, the charge of the first one over all networks is refunded,
    /// and the network is trusted for each of them.
    pub async fn login_succeeded(&self, identifiers: &[Identifier], ip: Option<IpAddr>, now: OffsetDateTime) {
        let refund = identifiers.first().map(|used| self.charge_of(RateLimit::LoginAccount, &used.to_string()));
        self.trust(identifiers, ip, now, refund).await;
    }

    /// Trust the network after its user was authenticated without a charge: as after a login, but
    /// without a refund.
    pub async fn trust_network(&self, identifiers: &[Identifier], ip: Option<IpAddr>, now: OffsetDateTime) {
        self.trust(identifiers, ip, now, None).await;
    }

    async fn trust(&self, identifiers: &[Identifier], ip: Option<IpAddr>, now: OffsetDateTime, refund: Option<Charge>) {
        if identifiers.is_empty() || !self.0.settings.enabled {
            return;
        }
        let of_pair = |identifier: &Identifier| {
            let pair = pair(*identifier, ip);
            [
                limit_key(RateLimit::LoginPair, &pair),
                limit_key(RateLimit::LoginPairDay, &pair),
            ]
        };
        let reset = Reset {
            clear: identifiers.iter().flat_map(of_pair).collect(),
            refund: refund.into_iter().collect(),
            trust: identifiers.iter().map(|identifier| trusted(&pair(*identifier, ip))).collect(),
            trust_for: self.0.settings.known_network_ttl,
        };
        self.0.limiter.reset(&reset, now).await;
    }

    /// Unlock an account: the counts of its identifiers over all networks start again from zero.
    /// The counts of single networks stay.
    pub async fn unlock(&self, identifiers: &[Identifier], now: OffsetDateTime) {
        let key_of = |identifier: &Identifier| limit_key(RateLimit::LoginAccount, &identifier.to_string());
        let reset = Reset {
            clear: identifiers.iter().map(key_of).collect(),
            refund: Vec::new(),
            trust: Vec::new(),
            trust_for: Duration::ZERO,
        };
        if self.0.settings.enabled && !identifiers.is_empty() {
            self.0.limiter.reset(&reset, now).await;
        }
    }

    /// Take the requests that were refused since the last call, summed by key.
    #[must_use]
    pub fn take_refused(&self) -> Vec<RefusedRequests> {
        self.0.refused.take()
    }

    /// Add sums that could not be recorded to the next ones.
    pub fn put_back_refused(&self, sums: Vec<RefusedRequests>) {
        for sum in sums {
            self.0.refused.add(sum);
        }
    }

    async fn charge_all(
        &self,
        limits: &[(RateLimit, String)],
        trusted: Option<String>,
        (ip, identifier): (Option<IpAddr>, Option<Identifier>),
        now: OffsetDateTime,
    ) -> Result<(), Exceeded> {
        if !self.0.settings.enabled {
            return Ok(());
        }
        let charges = Charges {
            charges: limits.iter().map(|(limit, key)| self.charge_of(*limit, key)).collect(),
            trusted,
        };
        let Err(exhausted) = self.0.limiter.charge(&charges, now).await else {
            return Ok(());
        };
        // The limiter names one of the charges. If its index is wrong, the first charge stands for
        // all.
        let Some((limit, key)) = limits.get(exhausted.charge).or_else(|| limits.first()) else {
            return Ok(());
        };
        let exceeded = Exceeded {
            limit: *limit,
            quota: self.quota(*limit),
            retry_after: exhausted.wait,
        };
        self.0.metrics.refused(limit.as_str());
        // One network tries many identifiers: a refusal by its limit is not about one of them.
        let identifier = identifier.filter(|_| *limit != RateLimit::Login);
        self.0.refused.count(key.clone(), &exceeded, ip, identifier);
        Err(exceeded)
    }

    fn charge_of(&self, limit: RateLimit, key: &str) -> Charge {
        Charge {
            key: limit_key(limit, key),
            quota: self.quota(limit),
            waived_for_trusted: limit == RateLimit::LoginAccount,
            local_first_half: limit.is_authenticated(),
        }
    }

    fn quota(&self, limit: RateLimit) -> Quota {
        let settings = &self.0.settings;
        let rate = match limit {
            RateLimit::Login => settings.login,
            RateLimit::LoginPair => settings.login_account_network,
            // Half, so that it takes at least two networks to exhaust the quota of an account.
            RateLimit::LoginPairDay => RequestRate {
                count: settings.login_account.count / 2,
                ..settings.login_account
            },
            RateLimit::LoginAccount => settings.login_account,
            RateLimit::Register => settings.register,
            RateLimit::Refresh => settings.refresh,
            RateLimit::Change => settings.change,
            RateLimit::Custom => settings.custom,
            RateLimit::Forgot => settings.forgot,
            RateLimit::MailAddress => settings.mail_address,
            RateLimit::Code => settings.code,
            RateLimit::Resend => settings.resend,
            RateLimit::Mfa => settings.mfa,
            RateLimit::MfaDay => settings.mfa_day,
        };
        Quota::new(rate.count, rate.window)
    }
}

fn limit_key(limit: RateLimit, key: &str) -> String {
    format!("{}:{key}", limit.as_str())
}

/// The key of a trusted network; "known" is its stored name.
fn trusted(pair: &str) -> String {
    format!("known:{pair}")
}

fn pair(identifier: Identifier, ip: Option<IpAddr>) -> String {
    format!("{identifier}:{}", network(ip))
}

/// The network of an address. A client with one IPv6 address usually has its whole /64.
fn network(ip: Option<IpAddr>) -> String {
    match ip.map(|ip| ip.to_canonical()) {
        None => "unknown".to_owned(),
        Some(IpAddr::V4(v4)) => v4.to_string(),
        Some(IpAddr::V6(v6)) => {
            let network = u128::from(v6) & !u128::from(u64::MAX);
            format!("{}/64", std::net::Ipv6Addr::from(network))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::network;

    #[test]
    fn addresses_are_counted_by_network() {
        let cases = [
            ("192.0.2.7", "192.0.2.7"),
            ("::ffff:192.0.2.7", "192.0.2.7"),
            ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
            ("2001:db8:1:2:ffff::1", "2001:db8:1:2::/64"),
        ];
        for (address, expected) in cases {
            assert_eq!(network(Some(address.parse().unwrap())), expected);
        }
    }
}
