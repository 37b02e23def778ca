//! The ledger and the stream, read and put in order by an operator, beside the running service.

mod export;
mod lines;
mod reconcile;
mod replay;
mod tail;
mod verify;

pub use self::export::export;
pub use self::lines::Destination;
pub use self::reconcile::reconcile;
pub use self::replay::{Replay, ReplayName, ReplayOrder, ReplayProgress, ReplayTarget, Replayed, replay};
pub use self::tail::{Viewer, tail};
pub use self::verify::verify;
pub use crate::relay::{Difference, Finding, Findings};
pub use crate::store::Selection;

/// What a command tells while it works: so many events of so many are done.
pub trait Progress: Send {
    /// How many events there are in all, once that is known.
    fn total(&mut self, events: u64);
    /// How many are done.
    fn done(&mut self, events: u64);
}
