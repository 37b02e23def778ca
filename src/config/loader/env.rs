//! Environment variables as configuration.
//!
//! The kind of the key decides how a variable's text is parsed: a password of digits stays a text.
//! Empty variables are ignored, because Compose passes `PORT=` for an unset one.

use figment::value::Value;

use super::keys::{self, Key, Kind, PREFIX};

/// The short variable names and the keys they set; they win over the long names.
pub const SHORT_NAMES: [(&str, &str); 5] = [
    ("WATCHWORD_SECRET_KEY", "secret_key"),
    ("PORT", "http.port"),
    ("DATABASE_URL", "database.url"),
    ("REDIS_URL", "redis.url"),
    ("NATS_URL", "nats.url"),
];

/// What a variable means to the configuration.
pub(super) enum Meaning {
    Sets(&'static Key, Value),
    /// The variable names a key that does not exist.
    Unknown(String),
    /// The variable is another program's, or empty.
    Nothing,
}

/// Parses a variable `WATCHWORD__SECTION__KEY`.
pub(super) fn long(name: &str, text: &str) -> Meaning {
    let Some(rest) = name.strip_prefix(PREFIX) else {
        return Meaning::Nothing;
    };
    let key = rest.replace("__", ".").to_ascii_lowercase();
    match keys::find(&key) {
        Some(_) if text.is_empty() => Meaning::Nothing,
        Some(key) => Meaning::Sets(key, value(key, text)),
        None => Meaning::Unknown(key),
    }
}

/// Parses a variable of [`SHORT_NAMES`].
pub(super) fn short(name: &str, text: &str) -> Meaning {
    let key = SHORT_NAMES.iter().find(|(short, _)| *short == name).and_then(|(_, key)| keys::find(key));
    match key {
        Some(key) if !text.is_empty() => Meaning::Sets(key, value(key, text)),
        _ => Meaning::Nothing,
    }
}

/// Whether the service reads the variable.
pub(super) fn is_ours(name: &str) -> bool {
    name.starts_with(PREFIX) || SHORT_NAMES.iter().any(|(short, _)| *short == name)
}

/// Parses the text as the kind of value that the key takes. A text that does not parse stays a
/// text; the settings refuse it with the key's name.
fn value(key: &Key, text: &str) -> Value {
    let trimmed = text.trim();
    let parsed = match key.kind {
        Kind::Text | Kind::Duration => None,
        Kind::Integer => trimmed.parse::<i64>().ok().map(Value::from),
        Kind::Boolean => trimmed.parse::<bool>().ok().map(Value::from),
        Kind::List => Some(Value::from(list(trimmed))),
    };
    parsed.unwrap_or_else(|| Value::from(text))
}

/// `a, b` or `["a", "b"]`.
fn list(text: &str) -> Vec<String> {
    if text.starts_with('[')
        && let Ok(items) = serde_json::from_str(text)
    {
        return items;
    }
    text.split(',')
        .map(str::trim)
        .filter(|item| !item.is_empty())
        .map(str::to_owned)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::list;

    #[test]
    fn lists_are_parsed_in_both_notations() {
        assert_eq!(list("a, b"), ["a", "b"]);
        assert_eq!(list(r#"["a", "b,c"]"#), ["a", "b,c"]);
        assert_eq!(list("a"), ["a"]);
        assert!(list("").is_empty());
        assert!(list("[]").is_empty());
    }
}
