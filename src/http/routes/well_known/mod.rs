//! `/.well-known`: keys and metadata, for services that verify tokens.

pub mod jwks;
pub mod metadata;
pub mod oauth_authorization_server;
pub mod openid_configuration;
