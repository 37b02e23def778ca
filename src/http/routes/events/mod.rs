//! `/events`: the ledger in pages, as a stream, and replayed.

pub mod collection;
pub mod create;
pub mod item;
pub mod replays;
pub mod stream;
