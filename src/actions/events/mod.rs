//! The events of the ledger: list, get, follow, record and replay.

pub mod follow;
pub mod get;
pub mod get_replay;
pub mod list;
pub mod record;
pub mod start_replay;
