//! Whole flows over HTTP, with the events read back from the stream. Each runs on both backends.
#![expect(clippy::indexing_slicing, reason = "a missing field of an answer is a failed test")]

mod accounts;
mod crashes;
mod enumeration;
mod events;
mod golden;
mod housekeeping;
mod logout;
mod problems;
mod refresh;
mod sessions;
mod whole;
