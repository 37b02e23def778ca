//! The commands `watchword events …`, run as the real binary beside a running service, and replays
//! over HTTP.
#![expect(clippy::indexing_slicing, reason = "a missing field fails the test")]

mod adopt;
mod api;
mod command;
mod export;
mod results;
pub(crate) mod rig;
mod tail;
mod verify;
