//! Section `limits`: how often somebody may try.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{
    Problems,
    checks::{between, between_durations},
};

/// How often a client may try. Networks are an IPv4 address or an IPv6 /64.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct LimitsSettings {
    /// Whether limits apply; off only for load tests.
    pub enabled: bool,
    /// Logins a network may try per minute.
    pub login_per_minute: u32,
    /// Logins a network may try per minute with one identifier.
    pub login_per_account_per_minute: u32,
    /// Logins that may be tried per day with one identifier, from all networks together from which nobody has logged in with it;
    /// from any one network half as many.
    pub login_per_account_per_day: u32,
    /// How long a network from which somebody has logged in is remembered for the account.
    #[serde(with = "humantime_serde")]
    pub known_network_ttl: Duration,
    /// Accounts a network may register per hour.
    pub register_per_hour: u32,
    /// Refreshes of one session per minute.
    pub refresh_per_minute: u32,
    /// Changes of a user's own account and sessions per minute.
    pub change_per_minute: u32,
    /// Events of its own that an application may record per user and minute.
    pub custom_per_minute: u32,
    /// Mails for a forgotten password that a network may ask for per hour.
    pub forgot_per_hour: u32,
    /// Mails with a code that are sent to one address per hour.
    pub mails_per_address: u32,
    /// Mailed codes and second factors that a network may try per minute.
    pub code_per_minute: u32,
    /// Mails to confirm an address that a user may ask for per hour.
    pub resend_per_hour: u32,
    /// Second factors that may be tried for a user per hour.
    pub mfa_per_hour: u32,
    /// Second factors that may be tried for a user per day.
    pub mfa_per_day: u32,
    /// Networks and accounts remembered at once when limits are kept in this process.
    pub max_tracked: usize,
}

impl LimitsSettings {
    pub(super) fn check(&self, problems: &mut Problems) {
        const MOST: u32 = 1_000_000;
        between(problems, "limits.login_per_minute", self.login_per_minute, 1, MOST);
        between(
            problems,
            "limits.login_per_account_per_day",
            self.login_per_account_per_day,
            2,
            MOST,
        );
        if self.login_per_account_per_day >= 2 {
            // More than a day allows a network would never be refused within a minute.
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
        between(problems, "limits.register_per_hour", self.register_per_hour, 1, MOST);
        between(problems, "limits.refresh_per_minute", self.refresh_per_minute, 1, MOST);
        between(problems, "limits.change_per_minute", self.change_per_minute, 1, MOST);
        between(problems, "limits.custom_per_minute", self.custom_per_minute, 1, MOST);
        between(problems, "limits.forgot_per_hour", self.forgot_per_hour, 1, MOST);
        between(problems, "limits.mails_per_address", self.mails_per_address, 1, MOST);
        between(problems, "limits.code_per_minute", self.code_per_minute, 1, MOST);
        between(problems, "limits.resend_per_hour", self.resend_per_hour, 1, MOST);
        between(problems, "limits.mfa_per_hour", self.mfa_per_hour, 1, MOST);
        between(problems, "limits.mfa_per_day", self.mfa_per_day, 1, MOST);
        between(problems, "limits.max_tracked", self.max_tracked, 1000, 10_000_000);
    }
}
