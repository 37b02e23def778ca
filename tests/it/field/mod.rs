//! What operators run into in the field: one file a kind.
#![expect(clippy::indexing_slicing, reason = "a missing field of an answer is a failed test")]

mod database_addresses;
mod database_refusals;
mod redis;
mod smtp;
