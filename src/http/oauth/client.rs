//! The credentials of a client: HTTP Basic as in RFC 6749 section 2.3.1, with a form-encoded id and
//! secret.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use poem::http::HeaderValue;
use poem::http::header::AUTHORIZATION;
use poem::{Request, RequestBody};
use poem_openapi::registry::{MetaSecurityScheme, Registry};
use poem_openapi::{ApiExtractor, ApiExtractorType, ExtractParamOptions};
use zeroize::Zeroizing;

use super::OAuthError;
use super::form::decode;
use crate::actions::Services;
use crate::actions::oauth::authenticate_client::{self, ClientId};
use crate::domain::hide_in_debug;

/// The scheme's name in the specification.
const SCHEME: &str = "ClientBasic";
/// Longest header that is parsed, in bytes; ids and secrets are far shorter.
const MAX_HEADER: usize = 1024;

/// The id and secret of the request, by HTTP Basic only (RFC 6749 section 2.3: one way at a time).
///
/// No `Authorization` header, several of them, another scheme or a wrong encoding: 401
/// `invalid_client`.
pub struct ClientCredentials {
    id: String,
    secret: Zeroizing<String>,
}

impl ClientCredentials {
    /// Authenticate the client.
    ///
    /// # Errors
    /// 401 `invalid_client`
    pub fn authenticate(&self, services: &Services) -> Result<ClientId, OAuthError> {
        authenticate_client::run(services, &self.id, &self.secret).ok_or(OAuthError::InvalidClient)
    }
}

hide_in_debug! { ClientCredentials }

fn credentials_of(request: &Request) -> Option<ClientCredentials> {
    let mut values = request.headers().get_all(AUTHORIZATION).iter();
    match (values.next(), values.next()) {
        (Some(value), None) => parse(value),
        _ => None,
    }
}

fn parse(value: &HeaderValue) -> Option<ClientCredentials> {
    let value = value.as_bytes();
    if value.len() > MAX_HEADER {
        return None;
    }
    let (scheme, encoded) = value.split_at_checked("Basic".len())?;
    let encoded = encoded.strip_prefix(b" ")?.trim_ascii();
    if !scheme.eq_ignore_ascii_case(b"Basic") {
        return None;
    }
    let pair = Zeroizing::new(STANDARD.decode(encoded).ok()?);
    let colon = pair.iter().position(|byte| *byte == b':')?;
    let (id, secret) = pair.split_at(colon);
    Some(ClientCredentials {
        id: decode(id)?,
        secret: Zeroizing::new(decode(secret.strip_prefix(b":")?)?),
    })
}

impl<'a> ApiExtractor<'a> for ClientCredentials {
    const TYPES: &'static [ApiExtractorType] = &[ApiExtractorType::SecurityScheme];

    type ParamType = ();
    type ParamRawType = ();

    fn register(registry: &mut Registry) {
        registry.create_security_scheme(
            SCHEME,
            MetaSecurityScheme {
                ty: "http",
                description: Some(
                    "ID and secret of a client of `oauth.clients`, form-encoded (RFC 6749 section 2.3.1).",
                ),
                name: None,
                key_in: None,
                scheme: Some("basic"),
                bearer_format: None,
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
    ) -> poem::Result<Self> {
        Ok(credentials_of(request).ok_or(OAuthError::InvalidClient)?)
    }
}
