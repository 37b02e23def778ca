//! `/oauth`: what other services ask about tokens.

pub mod introspect;
pub mod revoke;
