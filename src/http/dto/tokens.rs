//! TokenResponse and their user: the response of register, login and refresh.

use poem_openapi::{Enum, Object};
use secrecy::ExposeSecret as _;

use super::user::UserBody;
use crate::actions::TokenPair;

/// TokenResponse and their user. Never cache them.
#[derive(Object)]
#[oai(rename_all = "camelCase")]
pub struct TokenResponse {
    /// Bearer token for the `Authorization` header: a JWT (RFC 9068).
    pub access_token: String,
    /// Token for `/auth/refresh`, which accepts it once and returns its successor.
    pub refresh_token: String,
    /// Always `Bearer`.
    pub token_type: TokenType,
    /// Seconds until the access token expires.
    pub expires_in: u64,
    /// Seconds until the refresh token expires if it is not used.
    pub refresh_expires_in: u64,
    /// User of the tokens.
    pub user: UserBody,
}

/// How to send the access token (RFC 6750).
#[derive(Enum)]
pub enum TokenType {
    /// In the `Authorization` header.
    Bearer,
}

impl From<TokenPair> for TokenResponse {
    fn from(pair: TokenPair) -> Self {
        Self {
            access_token: pair.access.token.expose_secret().to_owned(),
            refresh_token: pair.refresh_token.expose_secret().to_owned(),
            token_type: TokenType::Bearer,
            expires_in: pair.access.expires_in,
            refresh_expires_in: pair.refresh_expires_in,
            user: UserBody::from(pair.user),
        }
    }
}
