//! OAuth endpoints and forward authentication, for other services and proxies.
#![expect(clippy::indexing_slicing, reason = "a missing field of an answer is a failed test")]

mod algorithms;
mod claims;
mod clients;
mod forward;
mod forward_proxies;
mod introspection;
mod key_change;
mod metadata;
mod revocation;
