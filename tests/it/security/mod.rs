//! Password hashing, keys and tokens, and the attacks they have to stand.
#![expect(clippy::unwrap_used, reason = "a helper of a test says what it expects by panicking")]

mod access_token;
mod forge;
mod forged_claims;
mod forged_header;
mod hasher;
mod hasher_overload;
mod refresh_token;
mod secret_key;
mod signing_keys;
mod support;
