//! `watchword events …` by the real binary beside a running service, and replays over HTTP.
#![expect(clippy::indexing_slicing, reason = "a missing field of an answer is a failed test")]

mod api;
mod command;
mod export;
mod reconcile;
pub(crate) mod rig;
mod tail;
mod verify;
