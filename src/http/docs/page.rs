//! The HTML pages, Swagger UI and the event documentation: everything inline, and no scripts but
//! their own.

use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use poem::http::HeaderValue;
use poem::http::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE};
use poem::{Body, Response};

use crate::http::compression::Precompressed;

/// What a page may do besides run its own scripts: inline styles, its own images and fonts, calls
/// to this origin.
const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; img-src 'self' data:; font-src data:; \
                      connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// An HTML page whose `Content-Security-Policy` lists the hashes of its inline scripts: the browser
/// runs no other script, even if one is injected. Clones and responses share one copy of the page.
#[derive(Debug, Clone)]
pub struct ScriptedPage {
    html: Bytes,
    policy: Option<HeaderValue>,
    compressed: Precompressed,
}

impl ScriptedPage {
    /// Hash the scripts of `html`: a few milliseconds for Swagger UI.
    #[must_use]
    pub fn new(html: &str) -> Self {
        // Browsers normalize line breaks to line feeds before they hash.
        let html = html.replace("\r\n", "\n").replace('\r', "\n");
        // Hashes are ASCII, so the policy is always a valid header value.
        let policy = HeaderValue::from_str(&policy_for(&html)).ok();
        Self {
            html: Bytes::from(html),
            policy,
            compressed: Precompressed::default(),
        }
    }

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

/// The content of each inline script.
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
