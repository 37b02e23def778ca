//! Section `http.cors`: the pages of other origins that may call the API.

use std::time::Duration;

use serde::{Deserialize, Deserializer, Serialize};
use url::{Origin, Url};

use crate::config::loader::{Problems, checks::between_durations};

const KEY: &str = "http.cors.origins";
/// Every origin.
pub const ANY: &str = "*";
const FORM: &str = "is not an origin: write scheme, host and port as in \"https://app.example.com\", without a path";

/// Cross-origin requests of browsers. Without origins, the headers of CORS are not sent.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct CorsSettings {
    /// Origins in the form in which browsers send them, or [`ANY`] alone.
    #[serde(deserialize_with = "as_browsers_send")]
    pub origins: Vec<String>,
    /// Let pages send cookies and other credentials of the browser.
    pub credentials: bool,
    /// How long browsers remember the answer to a preflight request.
    #[serde(with = "humantime_serde")]
    pub max_age: Duration,
}

impl CorsSettings {
    pub(super) fn check(&self, problems: &mut Problems) {
        for text in self.origins.iter().filter(|text| *text != ANY) {
            if let Err(reason) = origin(text) {
                problems.refuse(KEY, format!("{text:?} {reason}"));
            }
        }
        if self.origins.iter().any(|text| text == ANY) {
            if self.origins.len() > 1 {
                problems.refuse(KEY, "\"*\" allows every origin; list it alone, or leave it out");
            }
            if self.credentials {
                problems.refuse(
                    "http.cors.credentials",
                    "must be false where http.cors.origins is [\"*\"]: every page could use its visitors' credentials",
                );
            }
        }
        let day = Duration::from_secs(24 * 60 * 60);
        between_durations(problems, "http.cors.max_age", self.max_age, Duration::ZERO, day);
    }
}

/// A list of origins. What is none stays as it is, for [`CorsSettings::check`] to refuse.
fn as_browsers_send<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<String>, D::Error> {
    let texts = Vec::<String>::deserialize(deserializer)?;
    let texts = texts.iter().map(|text| text.trim());
    Ok(texts.map(|text| origin(text).unwrap_or_else(|_| text.to_owned())).collect())
}

/// An origin as browsers send it: in lower case, in ASCII, and without the scheme's own port.
fn origin(text: &str) -> Result<String, &'static str> {
    if text.eq_ignore_ascii_case("null") {
        return Err("stands for every sandboxed frame and local file, so any page can have it");
    }
    if text.contains('*') {
        return Err("has a wildcard; list each origin");
    }
    let url = Url::parse(text).map_err(|_| FORM)?;
    let is_bare = url.has_host()
        && url.username().is_empty()
        && url.password().is_none()
        && matches!(url.path(), "" | "/")
        && url.query().is_none()
        && url.fragment().is_none();
    // `https:app.example.com` parses too.
    if !is_bare || !text.contains("://") {
        return Err(FORM);
    }
    Ok(match url.origin() {
        known @ Origin::Tuple(..) => known.ascii_serialization(),
        // Shells of applications and browser extensions, such as `capacitor://localhost`.
        Origin::Opaque(_) => text.trim_end_matches('/').to_ascii_lowercase(),
    })
}

#[cfg(test)]
mod tests {
    use super::origin;

    #[test]
    fn origins_have_the_form_in_which_browsers_send_them() {
        for (text, expected) in [
            ("https://app.example.com", "https://app.example.com"),
            ("https://app.example.com/", "https://app.example.com"),
            ("HTTPS://App.Example.COM:443", "https://app.example.com"),
            ("http://localhost:80", "http://localhost"),
            ("http://localhost:5173", "http://localhost:5173"),
            ("http://[::1]:5173", "http://[::1]:5173"),
            ("https://bücher.example", "https://xn--bcher-kva.example"),
            ("capacitor://localhost", "capacitor://localhost"),
            ("chrome-extension://ABCDEF/", "chrome-extension://abcdef"),
        ] {
            assert_eq!(origin(text).as_deref(), Ok(expected), "{text}");
        }
        for text in [
            "null",
            "NULL",
            "",
            "app.example.com",
            "localhost:5173",
            "https:app.example.com",
            "https://",
            "https://app.example.com/login",
            "https://app.example.com?x",
            "https://app.example.com#x",
            "https://ada@app.example.com",
            "https://*.example.com",
            "file:///",
        ] {
            assert!(origin(text).is_err(), "{text}");
        }
    }
}
