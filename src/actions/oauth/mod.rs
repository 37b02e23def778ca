//! OAuth: what other services ask about tokens, and what they need to verify them.

pub mod authenticate_client;
pub mod introspect;
pub mod jwks;
pub mod revoke;
pub mod server_metadata;
