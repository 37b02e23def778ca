//! Credentials in a NATS URL. The client itself ignores them.

use async_nats::{ConnectOptions, ServerAddr};
use percent_encoding::percent_decode_str;

/// Adds the credentials before the `@`: `user:password`, or a token.
///
/// A user's replies arrive on its own subjects, `_INBOX_<user>.>`, so that the server can keep
/// other users from listening. Without a user they arrive on the default, `_INBOX.>`.
pub(super) fn apply(url: &str, options: ConnectOptions) -> ConnectOptions {
    match parse(url) {
        UrlCredentials::None => options,
        UrlCredentials::Token(token) => options.token(token),
        UrlCredentials::User { name, password } => {
            let options = match inbox_prefix(&name) {
                Some(prefix) => options.custom_inbox_prefix(prefix),
                None => options,
            };
            options.user_and_password(name, password)
        }
    }
}

#[derive(Debug, PartialEq, Eq)]
enum UrlCredentials {
    None,
    Token(String),
    User { name: String, password: String },
}

fn parse(url: &str) -> UrlCredentials {
    // The client refuses an invalid URL, with its reason.
    let Ok(address) = url.parse::<ServerAddr>() else {
        return UrlCredentials::None;
    };
    let decoded = |text: &str| percent_decode_str(text).decode_utf8_lossy().into_owned();
    match (address.username(), address.password()) {
        (Some(name), Some(password)) => UrlCredentials::User { name: decoded(name), password: decoded(password) },
        (Some(token), None) => UrlCredentials::Token(decoded(token)),
        (None, _) => UrlCredentials::None,
    }
}

/// Returns the prefix of a user's reply subjects, if the name can be part of a subject.
fn inbox_prefix(user: &str) -> Option<String> {
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
    user.bytes().all(fits).then(|| format!("_INBOX_{user}"))
}

#[cfg(test)]
mod tests {
    use super::{UrlCredentials, inbox_prefix, parse};

    fn user(name: &str, password: &str) -> UrlCredentials {
        UrlCredentials::User { name: name.to_owned(), password: password.to_owned() }
    }

    #[test]
    fn credentials_precede_the_host() {
        assert_eq!(parse("nats://tail:secret@localhost:4222"), user("tail", "secret"));
        assert_eq!(parse("tls://tail:a%40b%3Ac@nats.example.com"), user("tail", "a@b:c"));
        assert_eq!(parse("nats://t0ken@localhost"), UrlCredentials::Token("t0ken".to_owned()));
        for none in ["nats://localhost:4222", "localhost", "", "nats://"] {
            assert_eq!(parse(none), UrlCredentials::None, "{none}");
        }
    }

    #[test]
    fn a_name_with_subject_syntax_gives_no_inbox_prefix() {
        assert_eq!(inbox_prefix("welcome-mailer").as_deref(), Some("_INBOX_welcome-mailer"));
        for name in ["a.b", "a*", ">", "a b"] {
            assert_eq!(inbox_prefix(name), None, "{name}");
        }
    }
}
