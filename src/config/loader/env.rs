//! Environment variables as configuration.
//!
//! The kind of the key decides how a variable's text is parsed: a password of digits stays a text.
//! Empty variables are ignored, because Compose passes `PORT=` for an unset one.

use figment::value::Value;

use super::keys::{self, Key, Kind, PREFIX};

/// The short variable names and the keys they set; they win over the long names, except for
/// [`NATS_URL`].
pub const SHORT_NAMES: [(&str, &str); 9] = [
    ("WATCHWORD_SECRET_KEY", "secret_key"),
    ("WATCHWORD_SECRET_KEY_FILE", "secret_key_file"),
    ("PORT", "http.port"),
    ("DATABASE_URL", "database.url"),
    ("DATABASE_URL_FILE", "database.url_file"),
    ("REDIS_URL", "redis.url"),
    ("REDIS_URL_FILE", "redis.url_file"),
    (NATS_URL, "nats.url"),
    (NATS_URL_FILE, "nats.url_file"),
];

/// Also a variable of the nats command, so that the long name wins over it.
pub(super) const NATS_URL: &str = "NATS_URL";
pub(super) const NATS_URL_FILE: &str = "NATS_URL_FILE";

/// The long names that win over [`NATS_URL`] and [`NATS_URL_FILE`].
pub(super) const OVER_NATS_URL: [&str; 2] = ["WATCHWORD__NATS__URL", "WATCHWORD__NATS__URL_FILE"];

/// The value that a variable gives. As in a file with a secret, a final line break is not part of
/// it: Kubernetes passes the one with which many secrets were made.
///
/// # Errors
/// What is wrong with a text in quotation marks: `docker run --env-file` and systemd's
/// `Environment=` keep them, and the key would get them with its value.
pub(super) fn text_of(raw: &str) -> Result<&str, &'static str> {
    let text = raw.strip_suffix('\n').unwrap_or(raw);
    let text = text.strip_suffix('\r').unwrap_or(text);
    let is_quoted = |quote: char| text.len() > 1 && text.starts_with(quote) && text.ends_with(quote);
    if is_quoted('"') || is_quoted('\'') {
        return Err("is in quotation marks, which would be part of the value; remove them");
    }
    Ok(text)
}

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
        Kind::Text | Kind::Duration | Kind::Rate => None,
        Kind::Integer => trimmed.parse::<i64>().ok().map(Value::from),
        Kind::Boolean => trimmed.parse::<bool>().ok().map(Value::from),
        Kind::List => Some(list(trimmed)),
    };
    parsed.unwrap_or_else(|| Value::from(text))
}

/// `a, b`, or a JSON array such as `["a", "b"]`, in which items can be tables.
fn list(text: &str) -> Value {
    if text.starts_with('[')
        && let Ok(items) = serde_json::from_str::<Vec<serde_json::Value>>(text)
        && let Ok(items) = Value::serialize(items)
    {
        return items;
    }
    let items = text.split(',').map(str::trim).filter(|item| !item.is_empty());
    Value::from(items.map(str::to_owned).collect::<Vec<_>>())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_are_parsed_in_both_notations() {
        for (text, items) in [
            ("a, b", vec!["a", "b"]),
            (r#"["a", "b,c"]"#, vec!["a", "b,c"]),
            ("a", vec!["a"]),
            ("", vec![]),
            ("[]", vec![]),
        ] {
            assert_eq!(list(text).deserialize::<Vec<String>>().unwrap(), items, "{text}");
        }
        let tables: Vec<serde_json::Value> = list(r#"[{"name": "user", "roles": ["user"]}]"#).deserialize().unwrap();
        assert_eq!(tables[0], serde_json::json!({ "name": "user", "roles": ["user"] }));
    }
}
