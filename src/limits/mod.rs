//! Rate limits: how often a network, an account, a session or a user may try, counted in Redis when there is one, else in this
//! process. `docs/adr/0023` says why the limits of a login are what they are.

mod gcra;
mod limited;
mod limiter;
mod memory;
mod redis;
mod refusals;

use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use time::OffsetDateTime;

pub use self::gcra::Quota;
pub use self::limited::Limited;
pub use self::limiter::{Draw, Forgiven, RateLimiter, Spent, Tries};
pub use self::memory::InProcess;
pub use self::redis::Shared;
pub use self::refusals::Refusal;
use self::refusals::Refusals;
use crate::config::LimitsSettings;
use crate::telemetry::LimitMetrics;

const MINUTE: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(3600);
const DAY: Duration = Duration::from_secs(86_400);

/// The keyed hash of an identifier as it was typed: what stores of counts know of it, whether or not it is anybody's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Identifier([u8; 32]);

impl Identifier {
    /// Of the canonical identifier's keyed hash (`SecretKey::identifier_hash`). Never pass a plain hash.
    #[must_use]
    pub const fn new(mac: [u8; 32]) -> Self {
        Self(mac)
    }

    /// The hash.
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

/// Refused for now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Exceeded {
    /// Which limiter refuses.
    pub limited: Limited,
    /// What it allows.
    pub quota: Quota,
    /// When the next try is allowed.
    pub retry_after: Duration,
}

/// The configured limits. Clones share their counts.
#[derive(Clone)]
pub struct Limits(Arc<Inner>);

struct Inner {
    settings: LimitsSettings,
    limiter: Arc<dyn RateLimiter>,
    refusals: Refusals,
    metrics: LimitMetrics,
}

impl Limits {
    /// Limits as configured, counted by `limiter`; refusals are counted in `metrics`.
    #[must_use]
    pub fn new(settings: &LimitsSettings, limiter: Arc<dyn RateLimiter>, metrics: LimitMetrics) -> Self {
        Self(Arc::new(Inner {
            settings: settings.clone(),
            limiter,
            refusals: Refusals::default(),
            metrics,
        }))
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
        self.reserve(what, &network(ip), ip, now).await
    }

    /// Counts a try of something with an id of its own, from `ip`.
    ///
    /// # Errors
    /// [`Exceeded`] when the try must not be carried out.
    pub async fn reserve(
        &self,
        what: Limited,
        key: &str,
        ip: Option<IpAddr>,
        now: OffsetDateTime,
    ) -> Result<(), Exceeded> {
        self.draw(&[(what, key.to_owned())], None, (ip, None), now).await
    }

    /// Counts a try of a password: per network, per identifier and network for a minute and for a day, and per identifier over all
    /// networks from which nobody has logged in with it lately. One question to Redis; all of it is counted, or nothing.
    ///
    /// # Errors
    /// [`Exceeded`] when the password must not be looked at: the limiter with the longest wait.
    pub async fn reserve_login(
        &self,
        identifier: Identifier,
        ip: Option<IpAddr>,
        now: OffsetDateTime,
    ) -> Result<(), Exceeded> {
        let (network, pair) = (network(ip), pair(identifier, ip));
        let draws = [
            (Limited::Login, network),
            (Limited::LoginPair, pair.clone()),
            (Limited::LoginPairDay, pair.clone()),
            (Limited::LoginAccount, identifier.to_string()),
        ];
        self.draw(&draws, Some(known(&pair)), (ip, Some(identifier)), now).await
    }

    /// A login went well: the counts of all `identifiers` of the account from this network begin anew, the try of the first one over
    /// all networks is given back, and the network is known for each of them.
    pub async fn login_succeeded(&self, identifiers: &[Identifier], ip: Option<IpAddr>, now: OffsetDateTime) {
        let tried = identifiers.first();
        let give_back = tried.map(|used| self.asked(Limited::LoginAccount, &used.to_string()));
        self.know(identifiers, ip, now, give_back).await;
    }

    /// The owner was proven in another way than by a counted try: as after a login, but for a try to give back.
    pub async fn owner_proven(&self, identifiers: &[Identifier], ip: Option<IpAddr>, now: OffsetDateTime) {
        self.know(identifiers, ip, now, None).await;
    }

    async fn know(&self, identifiers: &[Identifier], ip: Option<IpAddr>, now: OffsetDateTime, give_back: Option<Draw>) {
        if identifiers.is_empty() || !self.0.settings.enabled {
            return;
        }
        let of_pair = |one: &Identifier| {
            let pair = pair(*one, ip);
            [
                counted(Limited::LoginPair, &pair),
                counted(Limited::LoginPairDay, &pair),
            ]
        };
        let forgiven = Forgiven {
            clear: identifiers.iter().flat_map(of_pair).collect(),
            give_back: give_back.into_iter().collect(),
            know: identifiers.iter().map(|one| known(&pair(*one, ip))).collect(),
            know_for: self.0.settings.known_network_ttl,
        };
        self.0.limiter.forgive(&forgiven, now).await;
    }

    /// An administrator unlocks an account: what was tried with its identifiers over all networks is forgotten. What single networks
    /// tried is not.
    pub async fn unlock(&self, identifiers: &[Identifier], now: OffsetDateTime) {
        let counted = |one: &Identifier| counted(Limited::LoginAccount, &one.to_string());
        let forgiven = Forgiven {
            clear: identifiers.iter().map(counted).collect(),
            give_back: Vec::new(),
            know: Vec::new(),
            know_for: Duration::ZERO,
        };
        if self.0.settings.enabled && !identifiers.is_empty() {
            self.0.limiter.forgive(&forgiven, now).await;
        }
    }

    /// What was refused since this was last asked, summed up by key.
    #[must_use]
    pub fn take_refusals(&self) -> Vec<Refusal> {
        self.0.refusals.take()
    }

    /// Refusals that could not be told are summed up with the next ones.
    pub fn put_back(&self, refusals: Vec<Refusal>) {
        for refusal in refusals {
            self.0.refusals.add(refusal);
        }
    }

    async fn draw(
        &self,
        draws: &[(Limited, String)],
        known: Option<String>,
        (ip, identifier): (Option<IpAddr>, Option<Identifier>),
        now: OffsetDateTime,
    ) -> Result<(), Exceeded> {
        if !self.0.settings.enabled {
            return Ok(());
        }
        let tries = Tries {
            draws: draws.iter().map(|(what, key)| self.asked(*what, key)).collect(),
            known,
        };
        let Err(spent) = self.0.limiter.reserve(&tries, now).await else {
            return Ok(());
        };
        // The limiter names one of the draws; were it none of them, the first stands for all.
        let Some((limited, key)) = draws.get(spent.draw).or_else(|| draws.first()) else {
            return Ok(());
        };
        let exceeded = Exceeded {
            limited: *limited,
            quota: self.quota(*limited),
            retry_after: spent.wait,
        };
        self.0.metrics.refused(limited.as_str());
        // Many identifiers are tried from one network: that limiter's refusals are not about one of them.
        let identifier = identifier.filter(|_| *limited != Limited::Login);
        self.0.refusals.note(key.clone(), &exceeded, ip, identifier);
        Err(exceeded)
    }

    fn asked(&self, what: Limited, key: &str) -> Draw {
        Draw {
            key: counted(what, key),
            quota: self.quota(what),
            for_strangers: what == Limited::LoginAccount,
            local_first: what.is_of_proven(),
        }
    }

    fn quota(&self, what: Limited) -> Quota {
        let settings = &self.0.settings;
        match what {
            Limited::Login => Quota::new(settings.login_per_minute, MINUTE),
            Limited::LoginPair => Quota::new(settings.login_per_account_per_minute, MINUTE),
            // Half: two networks at least are needed to spend what an account has.
            Limited::LoginPairDay => Quota::new(settings.login_per_account_per_day / 2, DAY),
            Limited::LoginAccount => Quota::new(settings.login_per_account_per_day, DAY),
            Limited::Register => Quota::new(settings.register_per_hour, HOUR),
            Limited::Refresh => Quota::new(settings.refresh_per_minute, MINUTE),
            Limited::Change => Quota::new(settings.change_per_minute, MINUTE),
            Limited::Custom => Quota::new(settings.custom_per_minute, MINUTE),
            Limited::Forgot => Quota::new(settings.forgot_per_hour, HOUR),
            Limited::MailAddress => Quota::new(settings.mails_per_address, HOUR),
            Limited::Code => Quota::new(settings.code_per_minute, MINUTE),
            Limited::Resend => Quota::new(settings.resend_per_hour, HOUR),
            Limited::Mfa => Quota::new(settings.mfa_per_hour, HOUR),
            Limited::MfaDay => Quota::new(settings.mfa_per_day, DAY),
        }
    }
}

fn counted(what: Limited, key: &str) -> String {
    format!("{}:{key}", what.as_str())
}

fn known(pair: &str) -> String {
    format!("known:{pair}")
}

fn pair(identifier: Identifier, ip: Option<IpAddr>) -> String {
    format!("{identifier}:{}", network(ip))
}

/// The network that an address is counted under: whoever has one IPv6 address usually has its whole /64.
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
