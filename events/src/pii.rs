//! How much personal data leaves the service inside its events.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::catalogue::AuthEvent;
use crate::payload::{Custom, LoggedIn, LoginFailed, PasswordResetRequested, RateLimited, Registered};

/// The personal-data profile (`events.pii`): what happens to `email`, `username`, `name`, `ip`, `userAgent` and the
/// `attributes` of `custom`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Pii {
    /// Everything is sent.
    #[default]
    Full,
    /// `a***@example.com`, `a***`, the network (/24 or /48) and the browser's family; every text in `attributes` becomes `a***`.
    Masked,
    /// Nothing is sent.
    None,
}

impl AuthEvent {
    /// The event with its personal data cut down to `profile`.
    #[must_use]
    pub fn with_pii(self, profile: Pii) -> Self {
        match self {
            Self::Registered(it) => Self::Registered(Registered {
                email: profile.apply(it.email, |email| mask_email(&email)),
                username: profile.apply(it.username, |name| Some(mask_word(&name))),
                name: profile.apply(it.name, |name| Some(mask_word(&name))),
                ..it
            }),
            Self::LoggedIn(it) => Self::LoggedIn(LoggedIn {
                email: profile.apply(it.email, |email| mask_email(&email)),
                ip: profile.apply(it.ip, |ip| Some(network(ip))),
                user_agent: profile.apply(it.user_agent, |agent| family(&agent)),
                ..it
            }),
            Self::LoginFailed(it) => Self::LoginFailed(LoginFailed {
                ip: profile.apply(it.ip, |ip| Some(network(ip))),
                user_agent: profile.apply(it.user_agent, |agent| family(&agent)),
                ..it
            }),
            Self::RateLimited(it) => Self::RateLimited(RateLimited {
                ip: profile.apply(it.ip, |ip| Some(network(ip))),
                ..it
            }),
            Self::PasswordResetRequested(it) => Self::PasswordResetRequested(PasswordResetRequested {
                ip: profile.apply(it.ip, |ip| Some(network(ip))),
                user_agent: profile.apply(it.user_agent, |agent| family(&agent)),
                ..it
            }),
            Self::Custom(it) => Self::Custom(Custom {
                attributes: profile.apply(it.attributes, |attributes| {
                    let masked = attributes.into_iter().map(|(name, value)| (name, mask_texts(value)));
                    Some(masked.collect())
                }),
                ..it
            }),
            // Spelled out, so that a new event does not compile until someone has thought about it.
            Self::LoggedOut(_)
            | Self::TokenRefreshed(_)
            | Self::Updated(_)
            | Self::EmailVerificationRequested(_)
            | Self::EmailVerified(_)
            | Self::PasswordChanged(_)
            | Self::PasswordResetCompleted(_)
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

/// `a***@example.com`; what has no domain is not an address and is left out.
fn mask_email(email: &str) -> Option<String> {
    let (local, domain) = email.rsplit_once('@')?;
    Some(format!("{}@{domain}", mask_word(local)))
}

/// The first character and three stars, whatever the length.
fn mask_word(word: &str) -> String {
    word.chars().take(1).chain("***".chars()).collect()
}

/// The value with every text in it masked, at any depth: nobody knows which of them are about a person.
fn mask_texts(value: Value) -> Value {
    match value {
        Value::String(text) => Value::String(mask_word(&text)),
        Value::Array(items) => items.into_iter().map(mask_texts).collect(),
        Value::Object(fields) => fields
            .into_iter()
            .map(|(name, value)| (name, mask_texts(value)))
            .collect(),
        other => other,
    }
}

/// The network the address is in: /24 of IPv4 (written as IPv6 or not), /48 of IPv6.
fn network(ip: IpAddr) -> IpAddr {
    match ip.to_canonical() {
        IpAddr::V4(v4) => Ipv4Addr::from_bits(v4.to_bits() & (u32::MAX << 8)).into(),
        IpAddr::V6(v6) => Ipv6Addr::from_bits(v6.to_bits() & (u128::MAX << 80)).into(),
    }
}

/// The family of the client: a browser's name, else the first product's name without its version.
fn family(agent: &str) -> Option<String> {
    // Browsers pretend to be each other; the most specific mark comes first.
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
    let plain = (1..=32).contains(&product.len())
        && product
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(&b));
    plain.then(|| product.to_owned())
}
