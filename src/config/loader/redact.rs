//! How secrets are displayed.

use secrecy::{ExposeSecret as _, SecretString};
use serde::Serializer;
use url::Url;

const HIDDEN: &str = "***";

/// Parts of the names of query parameters that contain passwords and keys.
const SECRET_PARAMETERS: [&str; 5] = ["pass", "secret", "token", "key", "auth"];

/// Write a secret as `***`.
pub(in crate::config) fn secret<S: Serializer>(value: &Option<SecretString>, serializer: S) -> Result<S::Ok, S::Error> {
    match value {
        Some(_) => serializer.serialize_some(HIDDEN),
        None => serializer.serialize_none(),
    }
}

/// Write a URL with its password as `***`.
pub(in crate::config) fn secret_url<S: Serializer>(
    value: &Option<SecretString>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    match value {
        Some(value) => serializer.serialize_some(&url(value.expose_secret())),
        None => serializer.serialize_none(),
    }
}

/// Write URLs, separated by commas, with their passwords and tokens as `***`.
pub(in crate::config) fn secret_urls<S: Serializer>(
    value: &Option<SecretString>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    match value {
        Some(value) => {
            let urls: Vec<String> = value.expose_secret().split(',').map(|text| nats_url(text.trim())).collect();
            serializer.serialize_some(&urls.join(","))
        }
        None => serializer.serialize_none(),
    }
}

/// Hide the password and secret parameters, or everything if the text is not a URL.
fn url(text: &str) -> String {
    let Ok(mut url) = Url::parse(text) else {
        return HIDDEN.to_owned();
    };
    if url.cannot_be_a_base() && url.scheme() != "sqlite" {
        return HIDDEN.to_owned();
    }
    // A password that is not encoded can end where this parser sees a host or a query.
    let has_user = !url.username().is_empty() || url.password().is_some();
    if text.matches('@').count() > usize::from(has_user) {
        return HIDDEN.to_owned();
    }
    if url.password().is_some() && url.set_password(Some(HIDDEN)).is_err() {
        return HIDDEN.to_owned();
    }
    hide_parameters(&mut url);
    url.set_fragment(None);
    url.to_string()
}

/// Hide a user name without a password too: it is a token (NATS client protocol, `auth_token`).
fn nats_url(text: &str) -> String {
    let full = if text.contains("://") {
        text.to_owned()
    } else {
        format!("nats://{text}")
    };
    match Url::parse(&full) {
        Ok(mut parsed) if !parsed.username().is_empty() && parsed.password().is_none() => {
            if parsed.set_username(HIDDEN).is_err() {
                return HIDDEN.to_owned();
            }
            url(parsed.as_str())
        }
        _ => url(&full),
    }
}

fn hide_parameters(url: &mut Url) {
    if url.query().is_none() {
        return;
    }
    let pairs: Vec<(String, String)> = url
        .query_pairs()
        .map(|(name, value)| {
            let lower = name.to_ascii_lowercase();
            let hidden = SECRET_PARAMETERS.iter().any(|part| lower.contains(part));
            (name.into_owned(), if hidden { HIDDEN.to_owned() } else { value.into_owned() })
        })
        .collect();
    url.query_pairs_mut().clear().extend_pairs(pairs);
}

#[cfg(test)]
mod tests {
    use super::{nats_url, url};

    #[test]
    fn passwords_are_hidden_and_hosts_stay() {
        for (given, shown) in [
            ("postgres://app:s3cret@db:5432/auth", "postgres://app:***@db:5432/auth"),
            (
                "postgres://app:p%40ss@db/auth?sslmode=require",
                "postgres://app:***@db/auth?sslmode=require",
            ),
            ("postgres://db/auth?user=a&password=s3cret", "postgres://db/auth?user=a&password=***"),
            ("redis://:s3cret@cache:6379/0", "redis://:***@cache:6379/0"),
            ("sqlite://data/watchword.db?mode=rwc", "sqlite://data/watchword.db?mode=rwc"),
            ("sqlite::memory:", "sqlite::memory:"),
            ("s3cret", "***"),
            ("postgres:s3cret", "***"),
            ("postgres://app:12?s3cret@db/auth", "***"),
            ("postgres://app:12#s3cret@db/auth", "***"),
            ("postgres://app:a@b:s3cret@db/auth", "***"),
            ("host=db user=app password=s3cret", "***"),
            ("postgres://app:s3cret@[bad/auth", "***"),
        ] {
            assert_eq!(url(given), shown);
        }
    }

    #[test]
    fn nats_tokens_are_hidden() {
        for (given, shown) in [
            ("nats://s3cret@host:4222", "nats://***@host:4222"),
            ("nats://user:s3cret@host", "nats://user:***@host"),
            ("host:4222", "nats://host:4222"),
            ("tls://host", "tls://host"),
        ] {
            assert_eq!(nats_url(given), shown);
        }
    }
}
