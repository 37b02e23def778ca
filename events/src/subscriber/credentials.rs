//! What a NATS address says about the user. The client itself does not look at it.

use async_nats::{ConnectOptions, ServerAddr};
use percent_encoding::percent_decode_str;

use super::connect_options;

/// Logs in with what stands before the `@`: `user:password`, or a token.
///
/// A user's answers come to subjects of its own, `_INBOX_<user>.>`, so that the server can keep everybody else from listening.
/// Without a user it is NATS' usual `_INBOX.>`.
pub(super) fn options(url: &str) -> ConnectOptions {
    let options = connect_options();
    match login(url) {
        Login::None => options,
        Login::Token(token) => options.token(token),
        Login::User { name, password } => {
            let options = match inbox(&name) {
                Some(prefix) => options.custom_inbox_prefix(prefix),
                None => options,
            };
            options.user_and_password(name, password)
        }
    }
}

#[derive(Debug, PartialEq, Eq)]
enum Login {
    None,
    Token(String),
    User { name: String, password: String },
}

fn login(url: &str) -> Login {
    // An address that is none is refused by the client, with its reason.
    let Ok(address) = url.parse::<ServerAddr>() else {
        return Login::None;
    };
    let decoded = |text: &str| percent_decode_str(text).decode_utf8_lossy().into_owned();
    match (address.username(), address.password()) {
        (Some(name), Some(password)) => Login::User {
            name: decoded(name),
            password: decoded(password),
        },
        (Some(token), None) => Login::Token(decoded(token)),
        (None, _) => Login::None,
    }
}

/// The prefix of a user's reply subjects, when its name can be part of a subject.
fn inbox(user: &str) -> Option<String> {
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
    user.bytes().all(fits).then(|| format!("_INBOX_{user}"))
}

#[cfg(test)]
mod tests {
    use super::{Login, inbox, login};

    fn user(name: &str, password: &str) -> Login {
        Login::User {
            name: name.to_owned(),
            password: password.to_owned(),
        }
    }

    #[test]
    fn the_user_and_the_password_stand_before_the_host() {
        assert_eq!(login("nats://tail:secret@localhost:4222"), user("tail", "secret"));
        assert_eq!(login("tls://tail:a%40b%3Ac@nats.example.com"), user("tail", "a@b:c"));
        assert_eq!(login("nats://t0ken@localhost"), Login::Token("t0ken".to_owned()));
        for none in ["nats://localhost:4222", "localhost", "", "nats://"] {
            assert_eq!(login(none), Login::None, "{none}");
        }
    }

    #[test]
    fn a_name_with_a_meaning_in_subjects_is_no_part_of_one() {
        assert_eq!(inbox("welcome-mailer").as_deref(), Some("_INBOX_welcome-mailer"));
        for name in ["a.b", "a*", ">", "a b"] {
            assert_eq!(inbox(name), None, "{name}");
        }
    }
}
