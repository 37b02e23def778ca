//! Reading from a durable pull consumer: binding to it, fetching messages, and resuming after a
//! loss.

pub(crate) mod ahead;
pub(crate) mod bind;
pub(crate) mod buffer;
pub(crate) mod held;
pub(crate) mod prefetch;
pub(crate) mod reader;
pub(crate) mod resume;
