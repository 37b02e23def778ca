//! What OAuth clients may ask: introspect and revoke tokens.

pub mod introspect;
pub mod revoke;
