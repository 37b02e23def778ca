//! OAuth endpoints and forward authentication, for other services and proxies.
#![expect(clippy::indexing_slicing, reason = "a missing field of an answer is a failed test")]

mod clients;
mod forward;
mod introspection;
mod metadata;
mod nginx;
mod revocation;
