//! Passwords, tokens, sessions, second factors, OAuth clients and rate limits.

mod limits;
mod mfa;
mod oauth;
mod passwords;
mod request_rate;
mod secret_key;
mod sessions;
mod tokens;

pub use self::{
    limits::LimitsSettings,
    mfa::MfaSettings,
    oauth::{CLIENT_HASH_PREFIX, OauthClient, OauthSettings},
    passwords::PasswordsSettings,
    request_rate::RequestRate,
    secret_key::{SecretKeyProblem, decode_secret_key},
    sessions::SessionsSettings,
    tokens::{TokenAlgorithm, TokensSettings},
};
