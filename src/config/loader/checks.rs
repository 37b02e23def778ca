//! Checks that several sections share. Each refusal names the key in full and states what is
//! allowed.

use std::{fmt::Display, time::Duration};

use humantime_serde::re::humantime::format_duration;
use url::Url;

use super::Problems;

/// Refuse a number outside `min..=max`.
pub(in crate::config) fn between<N: PartialOrd + Display>(
    problems: &mut Problems,
    key: &str,
    value: N,
    min: N,
    max: N,
) {
    if value < min || value > max {
        problems.refuse(key, format!("must be between {min} and {max}; got {value}"));
    }
}

/// Refuse a number below `min`.
pub(in crate::config) fn at_least<N: PartialOrd + Display>(problems: &mut Problems, key: &str, value: N, min: N) {
    if value < min {
        problems.refuse(key, format!("must be at least {min}; got {value}"));
    }
}

/// Refuse a duration outside `min..=max`.
pub(in crate::config) fn between_durations(
    problems: &mut Problems,
    key: &str,
    value: Duration,
    min: Duration,
    max: Duration,
) {
    if value < min || value > max {
        problems.refuse(
            key,
            format!(
                "must be between {} and {}; got {}",
                format_duration(min),
                format_duration(max),
                format_duration(value)
            ),
        );
    }
}

/// Refuse a text that is not an absolute http or https URL without credentials, query and fragment.
pub(in crate::config) fn http_url(problems: &mut Problems, key: &str, value: &str) {
    let is_valid = Url::parse(value).is_ok_and(|url| {
        matches!(url.scheme(), "http" | "https")
            && url.has_host()
            && url.username().is_empty()
            && url.password().is_none()
            && url.query().is_none()
            && url.fragment().is_none()
    });
    // `http:host` parses too, but the text is used unchanged and has to be complete.
    if !is_valid || !value.contains("://") || value.contains(char::is_whitespace) {
        problems.refuse(
            key,
            "must be an absolute http:// or https:// URL without user, query and fragment, \
             for example \"https://auth.example.com\"",
        );
    }
}

/// Refuse a text that is not an absolute URI of visible ASCII characters, or is longer than 255.
pub(in crate::config) fn absolute_uri(problems: &mut Problems, key: &str, value: &str) {
    let is_plain = value.len() <= 255 && value.bytes().all(|byte| byte.is_ascii_graphic());
    if !is_plain || Url::parse(value).is_err() {
        problems.refuse(
            key,
            "must be an absolute URI, for example \"https://auth.example.com\" or \"urn:example:auth\"",
        );
    }
}

/// Refuse a name that is empty, longer than 255 bytes, or contains spaces or control characters.
pub(in crate::config) fn label(problems: &mut Problems, key: &str, value: &str) {
    if value.is_empty() || value.len() > 255 || value.contains(|c: char| c.is_whitespace() || c.is_control()) {
        problems.refuse(key, "must have 1 to 255 bytes without spaces and control characters");
    }
}

/// The scheme of a URL.
pub(in crate::config) fn scheme_of(url: &str) -> Option<&str> {
    let (scheme, _) = url.split_once(':')?;
    let mut bytes = scheme.bytes();
    (bytes.next()?.is_ascii_alphabetic()
        && bytes.all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'-' | b'.')))
    .then_some(scheme)
}
