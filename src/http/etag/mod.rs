//! Entity tags of users (RFC 9110 section 8.8.3) and the precondition `If-Match` (section 13.1.1).

pub mod if_none_match;

use poem_openapi::registry::{MetaSchema, MetaSchemaRef};

use super::parameters::ParamError;
use super::parameters::header::{Header, HeaderParameter};
use crate::domain::user::User;
use crate::domain::user::version::{Expected, Version};

/// Most tags of one header.
const MAX_TAGS: usize = 16;
/// `*` or a list of tags. Ours have no comma, so that a list is divided at each.
const PATTERN: &str = r#"^(\*|(W/)?"[!#-+\--~]*"( *, *(W/)?"[!#-+\--~]*"){0,15})$"#;

/// The tag of a user's current version.
#[must_use]
pub fn of(user: &User) -> String {
    format!("\"{:032x}\"", Version::of(user).to_bits())
}

/// Endings that proxies give to the tag of a response that they have compressed.
const ENCODED: [&str; 5] = ["--gzip", "-gzip", ";gzip", "-br", "-zstd"];

/// The precondition of a request: the versions that it allows. Unknown tags never match.
///
/// Our tags are strong, and name a version rather than bytes. A proxy that compresses a response
/// weakens its tag, or marks it. The version that the client has read is the same, so such a tag
/// counts, although strong comparison (section 8.8.3.2) would refuse it: otherwise nothing could be
/// changed through that proxy.
pub type IfMatch = Header<Expected>;

impl HeaderParameter for Expected {
    const NAME: &'static str = "If-Match";

    fn schema() -> MetaSchemaRef {
        MetaSchemaRef::Inline(Box::new(MetaSchema {
            pattern: Some(PATTERN.to_owned()),
            example: Some("\"6f1c2d3e4a5b69788796a5b4c3d2e1f0\"".into()),
            ..MetaSchema::new("string")
        }))
    }

    fn parse(lines: &[&str]) -> Option<Self> {
        if lines.is_empty() {
            return Some(Self::Any);
        }
        // Several lines of a list are one list (RFC 9110 section 5.3).
        let list = lines.join(",");
        if list.trim() == "*" {
            return Some(Self::Any);
        }
        let tags: Option<Vec<&str>> = list.split(',').map(|tag| opaque(tag.trim())).collect();
        let tags = tags.filter(|tags| tags.len() <= MAX_TAGS)?;
        Some(Self::OneOf(tags.into_iter().filter_map(version).collect()))
    }

    fn malformed() -> ParamError {
        ParamError::new("invalid_format", "must be `*` or a list of entity tags")
    }
}

/// The text between the quotes of a tag, as the service sent it; `None` for what is not a tag.
fn opaque(tag: &str) -> Option<&str> {
    let inner = tag.strip_prefix("W/").unwrap_or(tag).strip_prefix('"')?.strip_suffix('"')?;
    let fits = inner.chars().all(|c| c != '"' && !c.is_control() && c != ' ');
    fits.then(|| ENCODED.iter().find_map(|ending| inner.strip_suffix(ending)).unwrap_or(inner))
}

fn version(tag: &str) -> Option<Version> {
    let fits = tag.len() == 32 && tag.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
    let bits = fits.then(|| u128::from_str_radix(tag, 16).ok()).flatten()?;
    Some(Version::from_bits(bits))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn if_match_is_parsed_as_the_rfc_says() {
        let one = "\"0123456789abcdef0123456789abcdef\"";
        let version = Version::from_bits(0x0123_4567_89ab_cdef_0123_4567_89ab_cdef);
        for (lines, expected) in [
            (&[][..], Expected::Any),
            (&["*"], Expected::Any),
            (&[one], Expected::OneOf(vec![version])),
            (&["\"other\"", one], Expected::OneOf(vec![version])),
            (&[&format!("\"other\", {one}")], Expected::OneOf(vec![version])),
            (&[&format!("W/{one}")], Expected::OneOf(vec![version])),
            (&["\"0123456789abcdef0123456789abcdef-gzip\""], Expected::OneOf(vec![version])),
            (&["W/\"0123456789abcdef0123456789abcdef--gzip\""], Expected::OneOf(vec![version])),
            (&["\"0123456789abcdef0123456789abcdef-x\""], Expected::OneOf(vec![])),
            (&["\"\""], Expected::OneOf(vec![])),
        ] {
            assert_eq!(Expected::parse(lines), Some(expected), "{lines:?}");
        }
        for wrong in ["", "abc", "\"a", "\"a\",", "\"a\" \"b\"", "w/\"a\""] {
            assert_eq!(Expected::parse(&[wrong]), None, "{wrong}");
        }
        assert_eq!(Expected::parse(&["*", one]), None);
    }
}
