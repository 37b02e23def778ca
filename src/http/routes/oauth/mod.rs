//! `/oauth`: introspection and revocation of tokens, for other services.

pub mod introspect;
pub mod revoke;
