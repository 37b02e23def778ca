//! Comparing the ledger with the stream.

pub(in crate::relay) mod compare;
pub(in crate::relay) mod findings;
