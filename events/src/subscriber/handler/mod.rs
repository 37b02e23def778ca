//! What handlers of every kind share: the connection and settings, verdicts, and settling messages.

pub(crate) mod context;
pub(crate) mod dead_letter;
mod failures;
pub(crate) mod outage;
pub(crate) mod verdict;
