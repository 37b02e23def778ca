//! Section `limits`: rate limits.

use std::time::Duration;

use humantime_serde::re::humantime::format_duration;
use serde::{Deserialize, Serialize};

use super::request_rate::RequestRate;
use crate::config::loader::{
    Problems,
    checks::{between, between_durations},
};

/// Quotas of the rate limits. A network is an IPv4 address or an IPv6 /64.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct LimitsSettings {
    /// Apply rate limits. Turn them off only for load tests.
    pub enabled: bool,
    /// Login attempts per network.
    pub login: RequestRate,
    /// Login attempts per network and identifier.
    pub login_account_network: RequestRate,
    /// Login attempts per identifier from all untrusted networks together, and half as many from
    /// any one network.
    pub login_account: RequestRate,
    /// How long a network is trusted for an account after a login from it.
    #[serde(with = "humantime_serde")]
    pub known_network_ttl: Duration,
    /// Registrations per network.
    pub register: RequestRate,
    /// Refreshes per session.
    pub refresh: RequestRate,
    /// Changes per user.
    pub change: RequestRate,
    /// Custom events per user.
    pub custom: RequestRate,
    /// Password reset requests per network.
    pub forgot: RequestRate,
    /// Emails with a one-time code per address.
    pub mail_address: RequestRate,
    /// One-time codes and second factors verified per network.
    pub code: RequestRate,
    /// Verification emails requested per user.
    pub resend: RequestRate,
    /// Second factors verified per user.
    pub mfa: RequestRate,
    /// Second factors verified per user over a longer window.
    pub mfa_day: RequestRate,
    /// Maximum number of networks and accounts remembered when limits are kept in this process.
    pub max_tracked: usize,
}

impl LimitsSettings {
    pub(in crate::config) fn check(&self, problems: &mut Problems) {
        const HOUR: Duration = Duration::from_secs(3600);
        const DAY: Duration = Duration::from_secs(86_400);
        for (key, rate, min) in [
            ("limits.login", self.login, 1),
            ("limits.login_account", self.login_account, 2),
            ("limits.login_account_network", self.login_account_network, 1),
            ("limits.register", self.register, 1),
            ("limits.refresh", self.refresh, 1),
            ("limits.change", self.change, 1),
            ("limits.custom", self.custom, 1),
            ("limits.forgot", self.forgot, 1),
            ("limits.mail_address", self.mail_address, 1),
            ("limits.code", self.code, 1),
            ("limits.resend", self.resend, 1),
            ("limits.mfa", self.mfa, 1),
            ("limits.mfa_day", self.mfa_day, 1),
        ] {
            check_rate(problems, key, rate, min);
        }
        // Above a network's half of the identifier's quota it would never apply.
        let half = self.login_account.count / 2;
        if half >= 1 && self.login_account_network.count > half {
            let problem = format!("must be at most {half}, half the number of limits.login_account");
            problems.refuse("limits.login_account_network", problem);
        }
        between_durations(problems, "limits.known_network_ttl", self.known_network_ttl, HOUR, 366 * DAY);
        between(problems, "limits.max_tracked", self.max_tracked, 1000, 10_000_000);
    }
}

fn check_rate(problems: &mut Problems, key: &str, rate: RequestRate, min: u32) {
    const MAX: u32 = 1_000_000;
    const MIN_WINDOW: Duration = Duration::from_secs(1);
    const MAX_WINDOW: Duration = Duration::from_secs(31 * 86_400);
    if rate.count < min || rate.count > MAX {
        problems.refuse(key, format!("the number must be between {min} and {MAX}; got {}", rate.count));
    }
    if rate.window < MIN_WINDOW || rate.window > MAX_WINDOW {
        let got = format_duration(rate.window);
        problems.refuse(key, format!("the window must be between 1s and 31d; got {got}"));
    }
}
