//! The place in the ledger and in the stream, and how it is found.

pub(in crate::relay) mod cursor;
pub(in crate::relay) mod position;
pub(in crate::relay) mod refill;
pub(in crate::relay) mod resume;
pub(in crate::relay) mod tail;
