//! The rate limits: each is of an action, and counted by a key. Their names are in Redis keys,
//! metrics, events and `RateLimit-Policy`.

use crate::domain::text_enum::text_enum;

text_enum! {
    RateLimit {
        /// A login attempt, per network.
        Login = "login",
        /// A login attempt, per identifier and network.
        LoginPair = "login_account_network",
        /// The same over a day: one network cannot exhaust the quota of an identifier over all
        /// networks.
        LoginPairDay = "login_account_network_day",
        /// A login attempt, per identifier, over all networks that are not trusted for it.
        LoginAccount = "login_account",
        /// A registration, per network.
        Register = "register",
        /// A refresh, per session.
        Refresh = "refresh",
        /// A change by a user of their own account or sessions, per user: each is an event that
        /// every subscriber gets.
        Change = "change",
        /// An event that an application records about its user, per user.
        Custom = "custom",
        /// A forgotten password, per network.
        Forgot = "forgot",
        /// A mail with a one-time code, per address.
        MailAddress = "mail_address",
        /// A one-time code or a second factor, per network.
        Code = "code",
        /// A mail to verify an address, per user.
        Resend = "resend",
        /// A second factor, per user.
        Mfa = "mfa",
        /// The same over a day.
        MfaDay = "mfa_day",
    }
}

impl RateLimit {
    /// Whether a token is verified before the charge. Then there is nothing to guess, and the limit
    /// only protects the service from clients in a loop, so the first half of the quota is counted
    /// in this process alone.
    #[must_use]
    pub const fn is_authenticated(self) -> bool {
        matches!(self, Self::Refresh | Self::Change | Self::Custom)
    }
}
