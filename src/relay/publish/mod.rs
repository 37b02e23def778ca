//! Leading: publishing the ledger behind the place in the stream.

pub(in crate::relay) mod batch;
pub(in crate::relay) mod copies;
pub(in crate::relay) mod drain;
pub(in crate::relay) mod leader;
pub(in crate::relay) mod pacing;
pub(in crate::relay) mod stub;
pub(in crate::relay) mod trouble;
pub(in crate::relay) mod unrouted;
pub(in crate::relay) mod worker;
