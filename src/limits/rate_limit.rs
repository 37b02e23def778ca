//! Everything that is limit: an action, and what its charges are counted by.

/// A limiter.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum RateLimit {
    /// A login attempt, per network.
    Login,
    /// A login attempt, per identifier and network.
    LoginPair,
    /// The same over a day: one network can't spend what an identifier has over all of them.
    LoginPairDay,
    /// A login attempt, per identifier, from all networks together from which nobody has logged in with it.
    LoginAccount,
    /// A registration, per network.
    Register,
    /// A refresh, per session.
    Refresh,
    /// A change of one's own account or sessions, per user: each is an event that everybody's subscribers get.
    Change,
    /// An event that an application records about its user, per user.
    Custom,
    /// A forgotten password, per network.
    Forgot,
    /// A mail with a code, per address.
    MailAddress,
    /// A mailed code or a second factor, per network.
    Code,
    /// A mail to confirm an address, per user.
    Resend,
    /// A second factor, per user.
    Mfa,
    /// The same over a day.
    MfaDay,
}

impl RateLimit {
    /// Every limiter.
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

    /// Whether a token was proven before it is counted: there is nothing to guess, and the limit keeps loops from wearing the service
    /// out. Such charges are counted in this process alone until half of the quota is used.
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
