//! The rate limits: each is of an action, and counted by a key.

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum RateLimit {
    /// A login attempt, per network.
    Login,
    /// A login attempt, per identifier and network.
    LoginPair,
    /// The same over a day: one network cannot exhaust the quota of an identifier over all
    /// networks.
    LoginPairDay,
    /// A login attempt, per identifier, over all networks that are not trusted for it.
    LoginAccount,
    /// A registration, per network.
    Register,
    /// A refresh, per session.
    Refresh,
    /// A change by a user of their own account or sessions, per user: each is an event that every
    /// subscriber gets.
    Change,
    /// An event that an application records about its user, per user.
    Custom,
    /// A forgotten password, per network.
    Forgot,
    /// A mail with a one-time code, per address.
    MailAddress,
    /// A one-time code or a second factor, per network.
    Code,
    /// A mail to verify an address, per user.
    Resend,
    /// A second factor, per user.
    Mfa,
    /// The same over a day.
    MfaDay,
}

impl RateLimit {
    pub const ALL: [Self; 14] = [
        Self::Login,
        Self::LoginPair,
        Self::LoginPairDay,
        Self::LoginAccount,
        Self::Register,
        Self::Refresh,
        Self::Change,
        Self::Custom,
        Self::Forgot,
        Self::MailAddress,
        Self::Code,
        Self::Resend,
        Self::Mfa,
        Self::MfaDay,
    ];

    /// Whether a token is verified before the charge. Then there is nothing to guess, and the limit
    /// only protects the service from clients in a loop, so the first half of the quota is counted
    /// in this process alone.
    #[must_use]
    pub const fn is_authenticated(self) -> bool {
        matches!(self, Self::Refresh | Self::Change | Self::Custom)
    }

    /// The name in Redis keys, metrics, events and `RateLimit-Policy`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Login => "login",
            Self::LoginPair => "login_account_network",
            Self::LoginPairDay => "login_account_network_day",
            Self::LoginAccount => "login_account",
            Self::Register => "register",
            Self::Refresh => "refresh",
            Self::Change => "change",
            Self::Custom => "custom",
            Self::Forgot => "forgot",
            Self::MailAddress => "mail_address",
            Self::Code => "code",
            Self::Resend => "resend",
            Self::Mfa => "mfa",
            Self::MfaDay => "mfa_day",
        }
    }
}
