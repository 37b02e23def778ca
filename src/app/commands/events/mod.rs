//! Commands on the ledger and the stream, which run beside the service.

mod adopt;
mod export;
mod lines;
mod replay;
mod tail;
mod verify;

pub use self::adopt::{Adopted, LedgerGap, adopt};
pub use self::export::export;
pub use self::lines::Destination;
pub use self::replay::{Replay, ReplayName, ReplayOrder, ReplayProgress, ReplayTarget, Replayed, replay};
pub use self::tail::{Viewer, tail};
pub use self::verify::verify;
pub use crate::domain::ids::{LedgerSeq, StreamSeq};
pub use crate::relay::{Difference, Finding, Findings};
pub use crate::store::Selection;

/// Receives the progress of a command.
pub trait Progress: Send {
    /// The total number of events, once it is known.
    fn total(&mut self, events: u64);
    /// The number of events that are done.
    fn done(&mut self, events: u64);
}
