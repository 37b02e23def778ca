//! How much personal data events contain.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::catalogue::AuthEvent;
use crate::payload::{
    Custom, EmailChanged, LoggedIn, LoginFailed, PasswordResetRequested, RateLimited, ReauthenticationFailed,
    Registered, Updated, UsernameChanged,
};

/// The personal-data profile (`events.pii`). It applies to `email`, `username`, `name`, `profile`,
/// `ip`, `userAgent`, the previous identifiers, and the `attributes` of `custom`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Pii {
    /// Events contain all personal data.
    #[default]
    Full,
    /// Events contain `a***@example.com`, `a***`, the network (/24 or /48) and the browser's name.
    /// Every text in `profile` and `attributes` becomes `a***`.
    Masked,
    /// Events contain no personal data.
    None,
}

impl AuthEvent {
    /// Reduces the event's personal data to `profile`.
    #[must_use]
    pub fn with_pii(self, profile: Pii) -> Self {
        match self {
            Self::Registered(it) => Self::Registered(Registered {
                email: profile.apply(it.email, |email| mask_email(&email)),
                username: profile.apply(it.username, |name| Some(mask_word(&name))),
                name: profile.apply(it.name, |name| Some(mask_word(&name))),
                profile: profile.apply(it.profile, |fields| Some(mask_fields(fields))),
                ip: profile.apply(it.ip, |ip| Some(network(ip))),
                user_agent: profile.apply(it.user_agent, |agent| client_name(&agent)),
                ..it
            }),
            Self::Updated(it) => Self::Updated(Updated {
                name: profile.apply(it.name, |name| Some(mask_word(&name))),
                profile: profile.apply(it.profile, |fields| Some(mask_fields(fields))),
                ..it
            }),
            Self::LoggedIn(it) => Self::LoggedIn(LoggedIn {
                email: profile.apply(it.email, |email| mask_email(&email)),
                ip: profile.apply(it.ip, |ip| Some(network(ip))),
                user_agent: profile.apply(it.user_agent, |agent| client_name(&agent)),
                ..it
            }),
            Self::LoginFailed(it) => Self::LoginFailed(LoginFailed {
                ip: profile.apply(it.ip, |ip| Some(network(ip))),
                user_agent: profile.apply(it.user_agent, |agent| client_name(&agent)),
                ..it
            }),
            Self::ReauthenticationFailed(it) => Self::ReauthenticationFailed(ReauthenticationFailed {
                ip: profile.apply(it.ip, |ip| Some(network(ip))),
                user_agent: profile.apply(it.user_agent, |agent| client_name(&agent)),
                ..it
            }),
            Self::RateLimited(it) => {
                Self::RateLimited(RateLimited { ip: profile.apply(it.ip, |ip| Some(network(ip))), ..it })
            }
            Self::PasswordResetRequested(it) => Self::PasswordResetRequested(PasswordResetRequested {
                ip: profile.apply(it.ip, |ip| Some(network(ip))),
                user_agent: profile.apply(it.user_agent, |agent| client_name(&agent)),
                ..it
            }),
            // The masked previous value would hardly differ from the new one.
            Self::EmailChanged(it) => Self::EmailChanged(EmailChanged {
                previous_email: profile.apply(it.previous_email, |_| None),
                email: profile.apply(it.email, |email| mask_email(&email)),
                ..it
            }),
            Self::UsernameChanged(it) => Self::UsernameChanged(UsernameChanged {
                previous_username: profile.apply(it.previous_username, |_| None),
                username: profile.apply(it.username, |name| Some(mask_word(&name))),
            }),
            Self::Custom(it) => Self::Custom(Custom {
                attributes: profile.apply(it.attributes, |attributes| Some(mask_fields(attributes))),
                ..it
            }),
            // Listed, so that a new event does not compile until its personal data is decided on.
            Self::LoggedOut(_)
            | Self::TokenRefreshed(_)
            | Self::EmailVerificationRequested(_)
            | Self::EmailVerified(_)
            | Self::PasswordChanged(_)
            | Self::PasswordResetCompleted(_)
            | Self::ReplayStarted(_)
            | Self::RoleGranted(_)
            | Self::RoleRevoked(_)
            | Self::Disabled(_)
            | Self::Enabled(_)
            | Self::Unlocked(_)
            | Self::Deleted(_)
            | Self::SessionRevoked(_)
            | Self::TokenReuseDetected(_)
            | Self::MfaEnrolled(_)
            | Self::MfaRemoved(_)
            | Self::MfaChallenged(_)
            | Self::MfaVerified(_)
            | Self::MfaFailed(_)
            | Self::RecoveryCodesGenerated(_)
            | Self::RecoveryCodeUsed(_) => self,
        }
    }
}

impl Pii {
    fn apply<T>(self, value: Option<T>, mask: impl FnOnce(T) -> Option<T>) -> Option<T> {
        match self {
            Self::Full => value,
            Self::Masked => value.and_then(mask),
            Self::None => None,
        }
    }
}

/// Masks an address as `a***@example.com`. A text without a domain is not an address and is left
/// out.
fn mask_email(email: &str) -> Option<String> {
    let (local, domain) = email.rsplit_once('@')?;
    Some(format!("{}@{domain}", mask_word(local)))
}

/// Returns the first character and three stars, for a word of any length.
fn mask_word(word: &str) -> String {
    word.chars().take(1).chain("***".chars()).collect()
}

/// Masks every text in the value, at any depth: each could be personal data.
fn mask_texts(value: Value) -> Value {
    match value {
        Value::String(text) => Value::String(mask_word(&text)),
        Value::Array(items) => items.into_iter().map(mask_texts).collect(),
        Value::Object(fields) => Value::Object(mask_fields(fields)),
        other => other,
    }
}

fn mask_fields(fields: Map<String, Value>) -> Map<String, Value> {
    fields.into_iter().map(|(name, value)| (name, mask_texts(value))).collect()
}

/// Returns the address's network: /24 of IPv4, including IPv4-mapped IPv6, and /48 of IPv6.
fn network(ip: IpAddr) -> IpAddr {
    match ip.to_canonical() {
        IpAddr::V4(v4) => Ipv4Addr::from_bits(v4.to_bits() & (u32::MAX << 8)).into(),
        IpAddr::V6(v6) => Ipv6Addr::from_bits(v6.to_bits() & (u128::MAX << 80)).into(),
    }
}

/// Returns the client's name: that of a browser, or else the first product without its version.
fn client_name(agent: &str) -> Option<String> {
    // Browsers name each other; the most specific mark comes first.
    const BROWSERS: [(&str, &str); 5] = [
        ("Edg", "Edge"),
        ("OPR/", "Opera"),
        ("Firefox/", "Firefox"),
        ("Chrome/", "Chrome"),
        ("Safari/", "Safari"),
    ];
    if let Some((_, name)) = BROWSERS.iter().find(|(mark, _)| agent.contains(mark)) {
        return Some((*name).to_owned());
    }
    let product = agent.split(['/', ' ']).next().unwrap_or_default();
    let plain =
        (1..=32).contains(&product.len()) && product.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(&b));
    plain.then(|| product.to_owned())
}
