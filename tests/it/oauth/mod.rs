//! What other services and proxies use: introspection, revocation, metadata and forward authentication.
#![expect(clippy::indexing_slicing, reason = "a missing field of an answer is a failed test")]

mod clients;
mod forward;
mod introspection;
mod metadata;
mod nginx;
mod revocation;
