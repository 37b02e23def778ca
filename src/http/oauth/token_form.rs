//! The form that names a token: the body of introspection and revocation.

use poem_openapi::Object;
use poem_openapi::types::Example;

use super::{FormFields, OAuthError};

/// The token to introspect or to revoke.
#[derive(Object)]
#[oai(example)]
pub struct TokenForm {
    /// Access token or refresh token.
    #[oai(validator(min_length = 1))]
    token: String,
    /// `access_token` or `refresh_token`. Ignored: the token tells its own type.
    token_type_hint: Option<String>,
}

impl Example for TokenForm {
    fn example() -> Self {
        Self {
            token: "wrt_AaIDHs1AeyGfDTp-XI0bAgAAAAAAAAABbm90IGEgcmVhbCBjb2RlLCBidXQgYXMgbG9uZw".to_owned(),
            token_type_hint: Some("refresh_token".to_owned()),
        }
    }
}

/// Return the token of a form. The client's secret must come in the header (RFC 6749 section 2.3:
/// one way at a time).
///
/// # Errors
/// `invalid_request`
pub fn token_of(fields: &FormFields) -> Result<&str, OAuthError> {
    if fields.get("client_secret").is_some() {
        return Err(OAuthError::InvalidRequest("Send the client's secret in the Authorization header only."));
    }
    fields.get("token").ok_or(OAuthError::InvalidRequest("The parameter token is missing."))
}
