//! Entity tags of users (RFC 9110 section 8.8.3) and the precondition `If-Match` (section 13.1.1).

pub mod if_none_match;

use poem::http::header::IF_MATCH;
use poem::{Request, RequestBody, Result};
use poem_openapi::registry::{MetaParamIn, MetaSchema, MetaSchemaRef};
use poem_openapi::{ApiExtractor, ApiExtractorType, ExtractParamOptions};

use super::problem::{FieldError, Problem};
use crate::domain::user::User;
use crate::domain::user::version::{Expected, Version};

/// Most tags of one header.
const MAX_TAGS: usize = 16;

/// The tag of a user's current version.
#[must_use]
pub fn of(user: &User) -> String {
    format!("\"{:032x}\"", Version::of(user).to_bits())
}

/// The precondition of a request: `#[oai(name = "If-Match")]`.
///
/// Not a list of tags: 400 `invalid_parameter`.
#[derive(Debug, Clone)]
pub struct IfMatch(pub Expected);

impl<'a> ApiExtractor<'a> for IfMatch {
    const TYPES: &'static [ApiExtractorType] = &[ApiExtractorType::Parameter];

    type ParamType = String;
    type ParamRawType = String;

    fn param_in() -> Option<MetaParamIn> {
        Some(MetaParamIn::Header)
    }

    fn param_schema_ref() -> Option<MetaSchemaRef> {
        Some(MetaSchemaRef::Inline(Box::new(MetaSchema::new("string"))))
    }

    async fn from_request(
        request: &'a Request,
        _body: &mut RequestBody,
        _options: ExtractParamOptions<Self::ParamType>,
    ) -> Result<Self> {
        let lines = request.headers().get_all(IF_MATCH).iter().map(|value| value.to_str());
        let lines: Result<Vec<&str>, _> = lines.collect();
        let lines = lines.map_err(|_not_text| invalid())?;
        // Several lines of a list are one list (RFC 9110 section 5.3).
        let list = (!lines.is_empty()).then(|| lines.join(","));
        Ok(Self(expected(list.as_deref())?))
    }
}

/// The versions that `If-Match` allows. Weak tags and unknown tags never match (strong comparison,
/// section 8.8.3.2).
///
/// # Errors
/// 400 `invalid_parameter` when the header is not a list of tags.
fn expected(if_match: Option<&str>) -> Result<Expected, Problem> {
    let Some(text) = if_match.map(str::trim) else {
        return Ok(Expected::Any);
    };
    if text == "*" {
        return Ok(Expected::Any);
    }
    let tags: Option<Vec<&str>> = text.split(',').map(|tag| opaque(tag.trim())).collect();
    let tags = tags.filter(|tags| tags.len() <= MAX_TAGS).ok_or_else(invalid)?;
    Ok(Expected::OneOf(tags.into_iter().filter_map(version).collect()))
}

fn invalid() -> Problem {
    FieldError::header("If-Match", "invalid_format", "must be `*` or a list of entity tags").into()
}

/// The text between the quotes of a tag; empty for a weak tag, `None` for what is not a tag.
fn opaque(tag: &str) -> Option<&str> {
    let (weak, tag) = tag.strip_prefix("W/").map_or((false, tag), |tag| (true, tag));
    let inner = tag.strip_prefix('"')?.strip_suffix('"')?;
    let fits = inner.chars().all(|c| c != '"' && !c.is_control() && c != ' ');
    fits.then_some(if weak { "" } else { inner })
}

fn version(tag: &str) -> Option<Version> {
    let fits = tag.len() == 32 && tag.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
    let bits = fits.then(|| u128::from_str_radix(tag, 16).ok()).flatten()?;
    Some(Version::from_bits(bits))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::problem::ProblemCode;

    #[test]
    fn if_match_is_parsed_as_the_rfc_says() {
        let one = "\"0123456789abcdef0123456789abcdef\"";
        let version = Version::from_bits(0x0123_4567_89ab_cdef_0123_4567_89ab_cdef);
        for (text, expected) in [
            (None, Expected::Any),
            (Some("*"), Expected::Any),
            (Some(one), Expected::OneOf(vec![version])),
            (Some(&format!("\"other\", {one}")[..]), Expected::OneOf(vec![version])),
            (Some(&format!("W/{one}")[..]), Expected::OneOf(vec![])),
            (Some("\"\""), Expected::OneOf(vec![])),
        ] {
            assert_eq!(super::expected(text).unwrap(), expected, "{text:?}");
        }
        for wrong in ["", "abc", "\"a", "\"a\",", "\"a\" \"b\"", "w/\"a\""] {
            let refused = super::expected(Some(wrong)).unwrap_err();
            assert_eq!(refused.code(), ProblemCode::InvalidParameter, "{wrong}");
        }
    }
}
