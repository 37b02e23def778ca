//! Entity tags of documents, and the precondition `If-None-Match` (RFC 9110 section 13.1.2).

use aws_lc_rs::digest;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use poem::http::header::IF_NONE_MATCH;
use poem::{FromRequest, Request, RequestBody, Result};

use super::opaque;

/// The strong tag of a document: its SHA-256.
#[must_use]
pub fn of(document: &[u8]) -> String {
    let hash = digest::digest(&digest::SHA256, document);
    format!("\"{}\"", URL_SAFE_NO_PAD.encode(hash))
}

/// The entity tags that the client has already. A header that is not text has none.
#[derive(Debug, Clone, Default)]
pub struct IfNoneMatch(Vec<String>);

impl IfNoneMatch {
    pub(in crate::http) fn of(request: &Request) -> Self {
        let values = request.headers().get_all(IF_NONE_MATCH).iter();
        Self(values.filter_map(|value| value.to_str().ok().map(str::to_owned)).collect())
    }

    /// Whether the client has the document with this tag. The comparison is weak: a proxy that
    /// compresses the document also weakens its tag, or marks it.
    #[must_use]
    pub fn has(&self, tag: &str) -> bool {
        let mut tags = self.0.iter().flat_map(|list| list.split(',')).map(str::trim);
        let wanted = tag.trim_matches('"');
        tags.any(|known| known == "*" || opaque(known) == Some(wanted))
    }
}

impl<'a> FromRequest<'a> for IfNoneMatch {
    async fn from_request(request: &'a Request, _body: &mut RequestBody) -> Result<Self> {
        Ok(Self::of(request))
    }
}

#[cfg(test)]
mod tests {
    use super::{IfNoneMatch, of};

    #[test]
    fn tags_are_compared_weakly() {
        let tag = of(b"{}");
        for (known, expected) in [
            (tag.clone(), true),
            (format!("W/{tag}"), true),
            (format!("\"{}-gzip\"", tag.trim_matches('"')), true),
            (format!("\"other\", {tag}"), true),
            ("*".to_owned(), true),
            (tag.trim_matches('"').to_owned(), false),
            (of(b"[]"), false),
            (String::new(), false),
        ] {
            assert_eq!(IfNoneMatch(vec![known.clone()]).has(&tag), expected, "{known}");
        }
        assert!(!IfNoneMatch::default().has(&tag));
    }
}
