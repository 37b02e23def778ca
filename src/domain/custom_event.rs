//! Custom events: what an application records about its user. Their size is bounded and they hold
//! no secrets, since many subscribers read the stream.

use std::fmt;
use std::str::FromStr;

use serde_json::{Map, Value};

use super::text::{TextError, prefixes};

const MAX_NAME: usize = 64;
/// At all depths together.
const MAX_KEYS: usize = 32;
const MAX_KEY_BYTES: usize = 64;
/// In bytes of compact JSON.
const MAX_BYTES: usize = 4096;
/// Keys that usually hold secrets, in lower case and without separators.
const SECRET_KEYS: [&str; 18] = [
    "accesstoken",
    "apikey",
    "authorization",
    "challengetoken",
    "clientsecret",
    "cookie",
    "currentpassword",
    "idtoken",
    "newpassword",
    "passwd",
    "password",
    "passwordhash",
    "privatekey",
    "recoverycode",
    "recoverycodes",
    "refreshtoken",
    "secret",
    "token",
];

/// The application's name for what happened, a token of a subject: a lower-case letter, then
/// lower-case letters, digits, `_` and `-`; at most 64 of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CustomName(String);

impl CustomName {
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for CustomName {
    type Err = TextError;

    fn from_str(text: &str) -> Result<Self, TextError> {
        if text.is_empty() {
            return Err(TextError::Empty);
        }
        if text.chars().count() > MAX_NAME {
            return Err(TextError::TooLong { max: MAX_NAME });
        }
        let mut bytes = text.bytes();
        let begins = bytes.next().is_some_and(|first| first.is_ascii_lowercase());
        let is_allowed = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'_' | b'-');
        if !begins || !bytes.all(is_allowed) {
            return Err(TextError::Form(
                "must be a lower-case letter followed by lower-case letters, digits, '_' or '-'",
            ));
        }
        Ok(Self(text.to_owned()))
    }
}

#[derive(Clone, PartialEq, Eq)]
pub struct Attributes(Map<String, Value>);

/// Hides the values, which may be personal data.
impl fmt::Debug for Attributes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Attributes({} keys)", self.0.len())
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum AttributesError {
    #[error("must have at most {MAX_KEYS} keys, at all depths together")]
    TooManyKeys,
    #[error("must be at most {MAX_BYTES} bytes as compact JSON")]
    TooLarge,
    #[error("every key must have 1 to {MAX_KEY_BYTES} bytes")]
    Key,
    /// A key or a value that is typical of a secret.
    #[error("must not hold passwords, tokens or other secrets: events are read by many")]
    Secret,
}

impl AttributesError {
    /// The stable code in problem documents.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::TooManyKeys => "too_many_keys",
            Self::TooLarge => "too_large",
            Self::Key => "invalid_key",
            Self::Secret => "secret",
        }
    }
}

impl Attributes {
    /// Check attributes that were parsed as JSON without control characters.
    pub fn parse(attributes: Map<String, Value>) -> Result<Self, AttributesError> {
        let value = Value::Object(attributes);
        // The size comes first: it bounds the work of the other checks.
        if value.to_string().len() > MAX_BYTES {
            return Err(AttributesError::TooLarge);
        }
        let mut keys = 0;
        check(&value, &mut keys)?;
        match value {
            Value::Object(attributes) => Ok(Self(attributes)),
            _ => Ok(Self(Map::new())),
        }
    }

    #[must_use]
    pub fn into_map(self) -> Map<String, Value> {
        self.0
    }
}

fn check(value: &Value, keys: &mut usize) -> Result<(), AttributesError> {
    match value {
        Value::Object(fields) => {
            *keys += fields.len();
            if *keys > MAX_KEYS {
                return Err(AttributesError::TooManyKeys);
            }
            for (key, value) in fields {
                if !(1..=MAX_KEY_BYTES).contains(&key.len()) {
                    return Err(AttributesError::Key);
                }
                if is_secret_key(key) || is_secret(key) {
                    return Err(AttributesError::Secret);
                }
                check(value, keys)?;
            }
            Ok(())
        }
        Value::Array(items) => items.iter().try_for_each(|item| check(item, keys)),
        Value::String(text) if is_secret(text) => Err(AttributesError::Secret),
        _ => Ok(()),
    }
}

fn is_secret_key(key: &str) -> bool {
    let plain: String = key.chars().filter(char::is_ascii_alphanumeric).map(|c| c.to_ascii_lowercase()).collect();
    SECRET_KEYS.contains(&plain.as_str())
}

/// Whether `text` is a secret that this service issued, or a JWT of any issuer.
fn is_secret(text: &str) -> bool {
    let text = text.trim_start();
    // Schemes are case-insensitive (RFC 9110 section 11.1).
    let text = match text.split_at_checked("Bearer ".len()) {
        Some((scheme, token)) if scheme.eq_ignore_ascii_case("Bearer ") => token.trim_start(),
        _ => text,
    };
    prefixes::ALL.iter().any(|prefix| text.starts_with(prefix))
        || (text.starts_with("eyJ") && text.split('.').count() == 3)
}
