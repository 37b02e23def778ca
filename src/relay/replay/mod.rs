//! Replays: events once more.

pub(in crate::relay) mod jobs;
pub(in crate::relay) mod run;
