//! `/.well-known`: keys and metadata for whatever verifies tokens.

pub mod jwks;
pub mod oauth_authorization_server;
