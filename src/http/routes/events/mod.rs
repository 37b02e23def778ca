//! `/events`: the ledger in pages, as a stream, and replayed.

pub mod create;
pub mod list;
pub mod replays;
pub mod stream;
