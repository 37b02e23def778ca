//! Checks that several sections share. Each refuses with the key's full name and says what is allowed.

use std::{fmt::Display, time::Duration};

use humantime_serde::re::humantime::format_duration;
use url::Url;

use super::Problems;

/// Refuses a number outside `least..=most`.
pub(super) fn between<N: PartialOrd + Display>(problems: &mut Problems, key: &str, value: N, least: N, most: N) {
    if value < least || value > most {
        problems.refuse(key, format!("must be {least} to {most}, is {value}"));
    }
}

/// Refuses a number below `least`.
pub(super) fn at_least<N: PartialOrd + Display>(problems: &mut Problems, key: &str, value: N, least: N) {
    if value < least {
        problems.refuse(key, format!("must be {least} or more, is {value}"));
    }
}

/// Refuses a duration outside `least..=most`.
pub(super) fn between_durations(problems: &mut Problems, key: &str, value: Duration, least: Duration, most: Duration) {
    if value < least || value > most {
        problems.refuse(
            key,
            format!(
                "must be {} to {}, is {}",
                format_duration(least),
                format_duration(most),
                format_duration(value)
            ),
        );
    }
}

/// Refuses what is not an absolute http or https address without credentials, query and fragment.
pub(super) fn http_url(problems: &mut Problems, key: &str, value: &str) {
    let fits = Url::parse(value).is_ok_and(|url| {
        matches!(url.scheme(), "http" | "https")
            && url.has_host()
            && url.username().is_empty()
            && url.password().is_none()
            && url.query().is_none()
            && url.fragment().is_none()
    });
    // `http:host` parses too; the text is used as it is, so it must be written in full.
    if !fits || !value.contains("://") {
        problems.refuse(
            key,
            "must be an absolute http:// or https:// address without user, query and fragment, \
             for instance \"https://auth.example.com\"",
        );
    }
}

/// Refuses a name that is empty, longer than 255 bytes, or holds spaces or control characters.
pub(super) fn label(problems: &mut Problems, key: &str, value: &str) {
    if value.is_empty() || value.len() > 255 || value.contains(|c: char| c.is_whitespace() || c.is_control()) {
        problems.refuse(key, "must be 1 to 255 bytes without spaces and control characters");
    }
}

/// The scheme of an address, when it has one.
pub(super) fn scheme_of(address: &str) -> Option<&str> {
    let (scheme, _) = address.split_once(':')?;
    let mut bytes = scheme.bytes();
    (bytes.next()?.is_ascii_alphabetic()
        && bytes.all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'-' | b'.')))
    .then_some(scheme)
}
