//! Extracts the bearer token of a request (RFC 6750 section 2.1) without verifying it.

use poem::http::HeaderValue;
use poem::http::header::AUTHORIZATION;
use poem::{Request, RequestBody, Result};
use poem_openapi::registry::{MetaSecurityScheme, Registry};
use poem_openapi::{ApiExtractor, ApiExtractorType, ExtractParamOptions};

use super::problem::{Problem, ProblemCode};
use crate::domain::hide_in_debug;

/// The name of the scheme in the `OpenAPI` document.
const SCHEME: &str = "Bearer";
/// Longest token, in bytes. The service's own are well below 1 KiB.
const MAX_TOKEN: usize = 4096;

/// The access token of a request that requires one.
///
/// Without an `Authorization` header: 401 `authentication_required`. With another scheme, several
/// headers, or a token that is too long or not token68: 401 `invalid_token`.
#[derive(Clone)]
pub struct BearerToken(String);

impl BearerToken {
    pub(crate) fn of(request: &Request) -> Result<Option<Self>, Problem> {
        let mut values = request.headers().get_all(AUTHORIZATION).iter();
        match (values.next(), values.next()) {
            (None, _) => Ok(None),
            (Some(value), None) => {
                let token = parse(value).ok_or(ProblemCode::InvalidToken)?;
                Ok(Some(Self(token.to_owned())))
            }
            (Some(_), Some(_)) => Err(ProblemCode::InvalidToken.into()),
        }
    }

    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

hide_in_debug! { BearerToken }

/// The access token of a request, if it has one; a malformed one is refused all the same.
#[derive(Debug, Clone)]
pub struct OptionalBearerToken(pub Option<BearerToken>);

fn parse(value: &HeaderValue) -> Option<&str> {
    let (scheme, token) = value.as_bytes().split_at_checked(SCHEME.len())?;
    let token = token.strip_prefix(b" ")?.trim_ascii();
    let well_formed = scheme.eq_ignore_ascii_case(SCHEME.as_bytes()) && token.len() <= MAX_TOKEN && is_token68(token);
    if well_formed { str::from_utf8(token).ok() } else { None }
}

/// RFC 9110 section 11.2.
fn is_token68(token: &[u8]) -> bool {
    let padding = token.iter().rev().take_while(|byte| **byte == b'=').count();
    let (token, _) = token.split_at(token.len() - padding);
    // Without an early exit, so that the compiler can vectorize the loop.
    let valid = token.iter().fold(true, |valid, byte| valid & is_token68_byte(*byte));
    valid && !token.is_empty()
}

const fn is_token68_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() | matches!(byte, b'-' | b'.' | b'_' | b'~' | b'+' | b'/')
}

impl<'a> ApiExtractor<'a> for BearerToken {
    const TYPES: &'static [ApiExtractorType] = &[ApiExtractorType::SecurityScheme];

    type ParamType = ();
    type ParamRawType = ();

    fn register(registry: &mut Registry) {
        registry.create_security_scheme(
            SCHEME,
            MetaSecurityScheme {
                ty: "http",
                description: Some("An access token from /auth/login, /auth/register or /auth/refresh."),
                name: None,
                key_in: None,
                scheme: Some("bearer"),
                bearer_format: Some("JWT"),
                flows: None,
                openid_connect_url: None,
            },
        );
    }

    fn security_schemes() -> Vec<&'static str> {
        vec![SCHEME]
    }

    async fn from_request(
        request: &'a Request,
        _body: &mut RequestBody,
        _options: ExtractParamOptions<Self::ParamType>,
    ) -> Result<Self> {
        Ok(Self::of(request)?.ok_or_else(|| Problem::new(ProblemCode::AuthenticationRequired))?)
    }
}

impl<'a> ApiExtractor<'a> for OptionalBearerToken {
    const TYPES: &'static [ApiExtractorType] = &[ApiExtractorType::SecurityScheme];

    type ParamType = ();
    type ParamRawType = ();

    fn register(registry: &mut Registry) {
        BearerToken::register(registry);
    }

    fn security_schemes() -> Vec<&'static str> {
        BearerToken::security_schemes()
    }

    fn has_security_fallback() -> bool {
        true
    }

    async fn from_request(
        request: &'a Request,
        _body: &mut RequestBody,
        _options: ExtractParamOptions<Self::ParamType>,
    ) -> Result<Self> {
        Ok(Self(BearerToken::of(request)?))
    }
}
