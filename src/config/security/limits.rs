//! Section `limits`: rate limits.

use std::time::Duration;

use serde::{Deserialize, Serialize};

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
    /// Login attempts per network and minute.
    pub login_per_minute: u32,
    /// Login attempts per network, identifier and minute.
    pub login_per_account_per_minute: u32,
    /// Login attempts per identifier and day from all untrusted networks together, and half as many
    /// from any one network.
    pub login_per_account_per_day: u32,
    /// How long a network is trusted for an account after a login from it.
    #[serde(with = "humantime_serde")]
    pub known_network_ttl: Duration,
    /// Registrations per network and hour.
    pub register_per_hour: u32,
    /// Refreshes per session and minute.
    pub refresh_per_minute: u32,
    /// Changes per user and minute.
    pub change_per_minute: u32,
    /// Custom events per user and minute.
    pub custom_per_minute: u32,
    /// Password reset requests per network and hour.
    pub forgot_per_hour: u32,
    /// Emails with a one-time code per address and hour.
    pub mails_per_address: u32,
    /// One-time codes and second factors verified per network and minute.
    pub code_per_minute: u32,
    /// Verification emails requested per user and hour.
    pub resend_per_hour: u32,
    /// Second factors verified per user and hour.
    pub mfa_per_hour: u32,
    /// Second factors verified per user and day.
    pub mfa_per_day: u32,
    /// Maximum number of networks and accounts remembered when limits are kept in this process.
    pub max_tracked: usize,
}

impl LimitsSettings {
    pub(in crate::config) fn check(&self, problems: &mut Problems) {
        const MAX: u32 = 1_000_000;
        between(problems, "limits.login_per_minute", self.login_per_minute, 1, MAX);
        between(problems, "limits.login_per_account_per_day", self.login_per_account_per_day, 2, MAX);
        if self.login_per_account_per_day >= 2 {
            // A quota per minute above a network's quota per day would never apply.
            between(
                problems,
                "limits.login_per_account_per_minute",
                self.login_per_account_per_minute,
                1,
                self.login_per_account_per_day / 2,
            );
        }
        between_durations(
            problems,
            "limits.known_network_ttl",
            self.known_network_ttl,
            Duration::from_secs(3600),
            Duration::from_secs(366 * 86_400),
        );
        between(problems, "limits.register_per_hour", self.register_per_hour, 1, MAX);
        between(problems, "limits.refresh_per_minute", self.refresh_per_minute, 1, MAX);
        between(problems, "limits.change_per_minute", self.change_per_minute, 1, MAX);
        between(problems, "limits.custom_per_minute", self.custom_per_minute, 1, MAX);
        between(problems, "limits.forgot_per_hour", self.forgot_per_hour, 1, MAX);
        between(problems, "limits.mails_per_address", self.mails_per_address, 1, MAX);
        between(problems, "limits.code_per_minute", self.code_per_minute, 1, MAX);
        between(problems, "limits.resend_per_hour", self.resend_per_hour, 1, MAX);
        between(problems, "limits.mfa_per_hour", self.mfa_per_hour, 1, MAX);
        between(problems, "limits.mfa_per_day", self.mfa_per_day, 1, MAX);
        between(problems, "limits.max_tracked", self.max_tracked, 1000, 10_000_000);
    }
}
