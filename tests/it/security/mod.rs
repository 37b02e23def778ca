//! Password hashing, keys and tokens, and attacks on them.
#![expect(clippy::unwrap_used, reason = "a failed assertion ends a test")]

mod access_token;
mod algorithm_change;
mod algorithms;
mod forge;
mod forged_algorithm;
mod forged_claims;
mod forged_header;
mod hasher;
mod hasher_overload;
mod refresh_token;
mod secret_key;
mod signing_keys;
mod support;
