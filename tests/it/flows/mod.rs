//! Flows over HTTP, with their events in the stream. Each runs on both backends.
#![expect(clippy::indexing_slicing, reason = "a missing field of an answer is a failed test")]

mod accounts;
mod copies;
pub(crate) mod events;
mod limits;
mod mfa;
mod service;
mod sessions;
mod users;
