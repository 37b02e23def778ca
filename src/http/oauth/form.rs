//! `application/x-www-form-urlencoded`, parsed strictly: RFC 6749 section 3.2 forbids repeated
//! parameters.

use std::marker::PhantomData;

use bytes::Bytes;
use poem::http::header::CONTENT_ENCODING;
use poem::{Request, RequestBody, Result};
use poem_openapi::registry::{MetaMediaType, MetaRequest, Registry};
use poem_openapi::types::Type;
use poem_openapi::{ApiExtractor, ApiExtractorType, ExtractParamOptions};

use super::OAuthError;
use crate::domain::hide_in_debug;
use crate::http::payload::read_body;
use crate::http::problem::ProblemCode;

const CONTENT_TYPE: &str = "application/x-www-form-urlencoded";

/// The body of a request, documented by `T`. It is parsed only after the client has been
/// authenticated.
pub struct FormBody<T> {
    bytes: Option<Bytes>,
    documented: PhantomData<T>,
}

/// The parameters of a form. A parameter without a value counts as absent; unknown parameters are
/// ignored (RFC 6749 section 3.2).
pub struct FormFields(Vec<(String, String)>);

impl<T> FormBody<T> {
    /// Parse the parameters.
    ///
    /// # Errors
    /// `invalid_request` for another content type, a wrong encoding, text that is not UTF-8,
    /// control characters and a repeated parameter.
    pub fn fields(&self) -> Result<FormFields, OAuthError> {
        let bytes = self
            .bytes
            .as_ref()
            .ok_or(OAuthError::InvalidRequest("Send a body of type application/x-www-form-urlencoded."))?;
        parse(bytes).map(FormFields)
    }
}

impl FormFields {
    /// Return the value of a parameter.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&str> {
        let found = self.0.iter().find(|(known, _)| known == name)?;
        // Written in full, since poem-openapi's `Type` has an `is_empty` for `&str` that is always
        // false.
        (!str::is_empty(&found.1)).then_some(found.1.as_str())
    }
}

hide_in_debug! { FormFields }

fn parse(bytes: &[u8]) -> Result<Vec<(String, String)>, OAuthError> {
    const MALFORMED: OAuthError = OAuthError::InvalidRequest("The body is not a form encoded in UTF-8.");
    let mut fields: Vec<(String, String)> = Vec::new();
    for pair in bytes.split(|byte| *byte == b'&').filter(|pair| !<[u8]>::is_empty(pair)) {
        let mut halves = pair.splitn(2, |byte| *byte == b'=');
        let name = decode(halves.next().unwrap_or_default()).ok_or(MALFORMED)?;
        let value = decode(halves.next().unwrap_or_default()).ok_or(MALFORMED)?;
        if fields.iter().any(|(known, _)| *known == name) {
            return Err(OAuthError::InvalidRequest("A parameter is repeated."));
        }
        fields.push((name, value));
    }
    Ok(fields)
}

/// Decode a name or a value; `None` for a broken escape, bytes that are not UTF-8, and control
/// characters.
pub(super) fn decode(encoded: &[u8]) -> Option<String> {
    let mut plain = Vec::with_capacity(encoded.len());
    let mut rest = encoded.iter();
    while let Some(byte) = rest.next() {
        plain.push(match byte {
            b'+' => b' ',
            b'%' => {
                let (high, low) = (hex(*rest.next()?)?, hex(*rest.next()?)?);
                high << 4 | low
            }
            other => *other,
        });
    }
    let text = String::from_utf8(plain).ok()?;
    (!text.contains(char::is_control)).then_some(text)
}

fn hex(digit: u8) -> Option<u8> {
    let value = char::from(digit).to_digit(16)?;
    u8::try_from(value).ok()
}

impl<'a, T: Type> ApiExtractor<'a> for FormBody<T> {
    const TYPES: &'static [ApiExtractorType] = &[ApiExtractorType::RequestObject];

    type ParamType = ();
    type ParamRawType = ();

    fn register(registry: &mut Registry) {
        T::register(registry);
    }

    fn request_meta() -> Option<MetaRequest> {
        Some(MetaRequest {
            description: None,
            content: vec![MetaMediaType { content_type: CONTENT_TYPE, schema: T::schema_ref() }],
            required: true,
        })
    }

    async fn from_request(
        request: &'a Request,
        body: &mut RequestBody,
        _options: ExtractParamOptions<Self::ParamType>,
    ) -> Result<Self> {
        let essence = request.content_type().and_then(|text| text.split(';').next());
        let is_form = essence.is_some_and(|essence| essence.trim().eq_ignore_ascii_case(CONTENT_TYPE));
        let is_plain = !request.headers().contains_key(CONTENT_ENCODING);
        let bytes = match read_body(request, body).await {
            Ok(bytes) => bytes,
            Err(problem) if problem.code() == ProblemCode::BadRequest => {
                return Err(OAuthError::InvalidRequest("The body is incomplete.").into());
            }
            Err(problem) => return Err(problem.into()),
        };
        Ok(Self {
            bytes: (is_form && is_plain).then_some(bytes),
            documented: PhantomData,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::{FormFields, decode, parse};

    #[test]
    fn forms_are_decoded_once_and_strictly() {
        let fields = parse(b"token=a%2Bb+c%C3%A4&token_type_hint=&&x").expect("a form");
        let fields: Vec<(&str, &str)> = fields.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect();
        assert_eq!(fields, [("token", "a+b c\u{e4}"), ("token_type_hint", ""), ("x", "")]);
        assert!(parse(b"").expect("an empty form").is_empty());
        let fields = FormFields(parse(b"token=&x=1").expect("a form"));
        assert_eq!((fields.get("token"), fields.get("x"), fields.get("y")), (None, Some("1"), None));
    }

    #[test]
    fn malformed_forms_are_refused() {
        for broken in [
            &b"a=%"[..],
            b"a=%2",
            b"a=%2g",
            b"a=%+1",
            b"a=\xff",
            b"a=%ff",
            b"a=%00",
            b"a=\n",
            b"a=1&a=1",
            b"a=1&%61=2",
        ] {
            assert!(parse(broken).is_err(), "{broken:?}");
        }
        assert_eq!(decode(b"%2525").as_deref(), Some("%25"));
    }
}
