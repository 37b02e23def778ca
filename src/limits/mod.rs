//! Rate limits: how often a network or an account may try, counted in Redis when there is one, else in this process.

mod gcra;
mod memory;
mod redis;

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use time::OffsetDateTime;

pub use self::gcra::Quota;
pub use self::memory::InProcess;
pub use self::redis::Shared;
use crate::config::LimitsSettings;

/// What is limited.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Limited {
    /// A login attempt, per network.
    Login,
    /// A registration, per network.
    Register,
    /// A refresh, per session.
    Refresh,
    /// A change of one's own account or sessions, per user: each is an event that everybody's subscribers get.
    Change,
    /// An event that an application records about its user, per user.
    Custom,
}

impl Limited {
    /// The name in Redis keys, metrics and `RateLimit-Policy`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Login => "login",
            Self::Register => "register",
            Self::Refresh => "refresh",
            Self::Change => "change",
            Self::Custom => "custom",
        }
    }
}

/// Refused for now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Exceeded {
    /// When the next try is allowed.
    pub retry_after: Duration,
}

/// Where tries are counted. Counting never fails: a store that does not answer falls back to this process, never to no limit.
pub trait RateLimiter: Send + Sync + 'static {
    /// Counts a try under `key`, before the work that it stands for.
    fn reserve<'a>(
        &'a self,
        key: &'a str,
        quota: Quota,
        now: OffsetDateTime,
    ) -> futures_util::future::BoxFuture<'a, Result<(), Exceeded>>;

    /// Forgets what was counted under `key`.
    fn forget<'a>(&'a self, key: &'a str) -> futures_util::future::BoxFuture<'a, ()>;
}

/// The configured limits.
#[derive(Clone)]
pub struct Limits {
    limiter: Option<Arc<dyn RateLimiter>>,
    login: Quota,
    register: Quota,
    refresh: Quota,
    change: Quota,
    custom: Quota,
}

impl Limits {
    /// Limits as configured, counted by `limiter`.
    #[must_use]
    pub fn new(settings: &LimitsSettings, limiter: Arc<dyn RateLimiter>) -> Self {
        Self {
            limiter: settings.enabled.then_some(limiter),
            login: Quota::new(settings.login_per_minute, Duration::from_secs(60)),
            register: Quota::new(settings.register_per_hour, Duration::from_secs(3600)),
            refresh: Quota::new(settings.refresh_per_minute, Duration::from_secs(60)),
            change: Quota::new(settings.change_per_minute, Duration::from_secs(60)),
            custom: Quota::new(settings.custom_per_minute, Duration::from_secs(60)),
        }
    }

    /// Counts a try of a network: an IPv4 address or an IPv6 /64. Clients without an address share one count.
    ///
    /// # Errors
    /// [`Exceeded`] when the try must not be carried out.
    pub async fn reserve_network(
        &self,
        what: Limited,
        ip: Option<IpAddr>,
        now: OffsetDateTime,
    ) -> Result<(), Exceeded> {
        self.reserve(what, &ip.map_or_else(|| "unknown".to_owned(), network), now)
            .await
    }

    /// Counts a try of something with an id of its own.
    ///
    /// # Errors
    /// [`Exceeded`] when the try must not be carried out.
    pub async fn reserve(&self, what: Limited, key: &str, now: OffsetDateTime) -> Result<(), Exceeded> {
        let Some(limiter) = &self.limiter else { return Ok(()) };
        let quota = match what {
            Limited::Login => self.login,
            Limited::Register => self.register,
            Limited::Refresh => self.refresh,
            Limited::Change => self.change,
            Limited::Custom => self.custom,
        };
        limiter.reserve(&format!("{}:{key}", what.as_str()), quota, now).await
    }

    /// Forgets the tries of something with an id of its own: the next one finds the whole quota.
    pub async fn forget(&self, what: Limited, key: &str) {
        if let Some(limiter) = &self.limiter {
            limiter.forget(&format!("{}:{key}", what.as_str())).await;
        }
    }
}

/// The network that an address is counted under: whoever has one IPv6 address usually has its whole /64.
fn network(ip: IpAddr) -> String {
    match ip.to_canonical() {
        IpAddr::V4(v4) => v4.to_string(),
        IpAddr::V6(v6) => {
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
            assert_eq!(network(address.parse().unwrap()), expected);
        }
    }
}
