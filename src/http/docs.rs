//! The pages that people read, Swagger UI and the events: everything inline, nothing fetched from anywhere else, and no script but its own.

use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use poem::http::HeaderValue;
use poem::http::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE};
use poem::{Body, Response};

use super::compression::Precompressed;

/// What the page may do besides running its own scripts: style itself, show its own pictures, call this origin.
const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; img-src 'self' data:; font-src data:; \
                      connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// An HTML page whose inline scripts are named by their hashes in its `Content-Security-Policy`: the browser runs no other script,
/// whatever comes into the page. Clones and responses share one copy of it.
#[derive(Debug, Clone)]
pub struct ScriptedPage {
    html: Bytes,
    policy: Option<HeaderValue>,
    compressed: Precompressed,
}

impl ScriptedPage {
    /// Hashes the scripts of `html`: a few milliseconds for Swagger UI.
    #[must_use]
    pub fn new(html: &str) -> Self {
        // Browsers hash what they parsed, where every line ends in a line feed.
        let html = html.replace("\r\n", "\n").replace('\r', "\n");
        // Hashes are ASCII: the policy is always a header value.
        let policy = HeaderValue::from_str(&policy_for(&html)).ok();
        Self {
            html: Bytes::from(html),
            policy,
            compressed: Precompressed::default(),
        }
    }

    /// The page as a response.
    #[must_use]
    pub fn response(&self) -> Response {
        let mut response = Response::default();
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8"));
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-cache"));
        if let Some(policy) = &self.policy {
            headers.insert(CONTENT_SECURITY_POLICY, policy.clone());
        }
        response.set_body(Body::from_bytes(self.html.clone()));
        response.set_data(self.compressed.clone());
        response
    }
}

fn policy_for(html: &str) -> String {
    let hashes: String = scripts(html)
        .map(|script| format!(" 'sha256-{}'", STANDARD.encode(digest(&SHA256, script.as_bytes()))))
        .collect();
    format!("{POLICY}; script-src{hashes}")
}

/// The contents of the inline scripts.
fn scripts(html: &str) -> impl Iterator<Item = &str> {
    let mut rest = html;
    std::iter::from_fn(move || {
        let (_, from_tag) = rest.split_once("<script")?;
        let (_, from_content) = from_tag.split_once('>')?;
        let (content, after) = from_content.split_once("</script>")?;
        rest = after;
        Some(content)
    })
}
