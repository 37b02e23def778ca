//! Section `http`: the public listener.

use std::{
    net::{IpAddr, SocketAddr},
    time::Duration,
};

mod cors;
mod tls;

use http::HeaderName;
use ipnet::IpNet;
use serde::{Deserialize, Serialize};
use url::Url;

use crate::config::loader::{
    Problems,
    checks::{at_least, between_durations, http_url},
    parse,
};

pub use self::cors::{ANY as ANY_ORIGIN, CorsSettings};
pub use self::tls::HttpTlsSettings;

/// The public HTTP listener and its limits.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct HttpSettings {
    /// Address to listen on.
    pub host: IpAddr,
    /// Port to listen on. 0 lets the system choose one.
    pub port: u16,
    /// Path under which all routes are mounted: `/`, or `/segment…` without a final slash.
    pub base_path: String,
    /// URL under which clients reach the service, without `base_path` and without a final slash.
    /// Token issuer, links in emails and schema URLs derive from it.
    #[serde(deserialize_with = "parse::without_final_slash")]
    pub public_url: String,
    /// Networks of the reverse proxies whose `client_ip_header` is trusted.
    #[serde(deserialize_with = "parse::networks")]
    pub trusted_proxies: Vec<IpNet>,
    /// Header in which trusted proxies name the client.
    pub client_ip_header: String,
    /// Serve Swagger UI at `/docs`.
    pub swagger_ui: bool,
    /// Maximum size of a request body, in bytes.
    pub max_body_bytes: usize,
    /// Maximum time for a request's head to arrive.
    #[serde(with = "humantime_serde")]
    pub header_timeout: Duration,
    /// Maximum time for a request's body to arrive.
    #[serde(with = "humantime_serde")]
    pub body_timeout: Duration,
    /// How long an idle connection stays open.
    #[serde(with = "humantime_serde")]
    pub idle_timeout: Duration,
    /// Maximum time to answer a request before it gets 503.
    #[serde(with = "humantime_serde")]
    pub request_deadline: Duration,
    /// Maximum number of open connections.
    pub max_connections: usize,
    /// How long a shutdown serves on while `/readyz` answers 503.
    #[serde(with = "humantime_serde")]
    pub shutdown_delay: Duration,
    /// How long a shutdown then waits for in-flight requests.
    #[serde(with = "humantime_serde")]
    pub shutdown_grace: Duration,
    /// The pages of other origins that may call the API.
    pub cors: CorsSettings,
    /// TLS on this listener.
    pub tls: HttpTlsSettings,
}

impl HttpSettings {
    /// URL under which clients reach the service, with `base_path` and without a final slash.
    #[must_use]
    pub fn base_url(&self) -> String {
        let url = self.public_url.trim_end_matches('/');
        format!("{url}{}", self.base_path.trim_end_matches('/'))
    }

    /// Path of [`base_url`](Self::base_url), at least `/`. It is longer than `base_path` behind a
    /// proxy that removes a prefix.
    #[must_use]
    pub fn public_path(&self) -> String {
        Url::parse(&self.base_url()).map_or_else(|_| self.base_path.clone(), |url| url.path().to_owned())
    }

    /// Whether clients reach the service at another address than the default one, which is that of
    /// this machine.
    #[must_use]
    pub fn has_public_url(&self) -> bool {
        self.public_url != default_public_url(self.port, self.tls.is_on())
    }

    /// The address to bind.
    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        SocketAddr::new(self.host, self.port)
    }

    pub(super) fn check(&self, problems: &mut Problems) {
        const MINUTE: Duration = Duration::from_secs(60);
        let second = Duration::from_secs(1);
        check_base_path(&self.base_path, problems);
        http_url(problems, "http.public_url", &self.public_url);
        check_public_path(&self.public_url, problems);
        for network in &self.trusted_proxies {
            if network.prefix_len() == 0 {
                problems.refuse(
                    "http.trusted_proxies",
                    format!(
                        "{network} trusts the forwarding headers of every client; list the networks of the proxies"
                    ),
                );
            }
        }
        if self.client_ip_header.parse::<HeaderName>().is_err() {
            problems.refuse("http.client_ip_header", "must be the name of a header, such as \"X-Forwarded-For\"");
        }
        self.cors.check(problems);
        self.tls.check(problems);
        if !(1024..=1_048_576).contains(&self.max_body_bytes) {
            problems.refuse(
                "http.max_body_bytes",
                format!("must be between 1024 and 1048576 bytes; got {}", self.max_body_bytes),
            );
        }
        for (key, value, max) in [
            ("http.header_timeout", self.header_timeout, MINUTE),
            ("http.body_timeout", self.body_timeout, 5 * MINUTE),
            ("http.idle_timeout", self.idle_timeout, 60 * MINUTE),
            ("http.request_deadline", self.request_deadline, 5 * MINUTE),
        ] {
            between_durations(problems, key, value, second, max);
        }
        between_durations(problems, "http.shutdown_delay", self.shutdown_delay, Duration::ZERO, 10 * MINUTE);
        between_durations(problems, "http.shutdown_grace", self.shutdown_grace, Duration::ZERO, 10 * MINUTE);
        at_least(problems, "http.max_connections", self.max_connections, 1);
    }
}

/// The address of the service on this machine.
pub(super) fn default_public_url(port: u16, tls: bool) -> String {
    let scheme = if tls { "https" } else { "http" };
    format!("{scheme}://localhost:{port}")
}

fn check_base_path(path: &str, problems: &mut Problems) {
    const KEY: &str = "http.base_path";
    if !path.starts_with('/') {
        problems.refuse(KEY, format!("must start with '/', for example \"/api/v1\"; got {path:?}"));
    } else if path != "/" && path.ends_with('/') {
        problems.refuse(KEY, format!("must not end with '/'; got {path:?}"));
    } else if path.contains("//") || !path.bytes().all(is_path_byte) {
        problems.refuse(
            KEY,
            format!("must consist of segments of letters, digits, '-', '.', '_' and '~'; got {path:?}"),
        );
    }
}

/// The metadata is served below this path too.
fn check_public_path(url: &str, problems: &mut Problems) {
    let Ok(url) = Url::parse(url) else { return };
    let path = url.path();
    if path.contains("//") || !path.bytes().all(is_path_byte) {
        problems.refuse(
            "http.public_url",
            format!("must have a path of segments of letters, digits, '-', '.', '_' and '~', if any; got {path:?}"),
        );
    }
}

/// RFC 3986 unreserved characters and the separator: nothing that a router could take for a
/// pattern.
const fn is_path_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'/' | b'-' | b'.' | b'_' | b'~')
}
