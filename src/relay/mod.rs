//! The relay: takes committed events from the ledger to the stream, in order, losing none and doubling none.
//!
//! One instance leads (an advisory lock); the others stand by. The leader compares the ledger with the stream, then
//! reads what is not published yet, publishes it, and writes the acknowledgements back, woken by every commit.
//!
//! **When something dies, and why nothing is lost or doubled**
//!
//! | when | then |
//! |---|---|
//! | before a publish | the row is still unpublished: the next leader reads it |
//! | after the publish, before the acknowledgement or before it is settled | the row is unpublished but may be stored. Before anything is published again, [`reconcile`] looks at the end of the stream and settles what is there; the stream's own window of message ids covers what arrives later than that look |
//! | the database, while settling | the same: the outcome counts as unknown |
//! | NATS, keeping the stream | reconnect, reconcile, go on |
//! | NATS, losing the end of the stream (acknowledged before it was on the disk) or all of it | reconcile finds acknowledged rows whose sequence is gone or holds another event, and reopens them: they are published again with the same ids |
//! | the leader's lock | it stops at the next check, at most a second later. Two leaders for that second publish the same rows in the same order: the second copy is recognised by its id |
//!
//! Order per user holds because nothing of a user is sent while an earlier event of that user is not known to be
//! stored (see [`crate::jetstream::EventPublisher`]), and rows are read in the order of the ledger.

mod backoff;
mod compare;
mod findings;
mod gauges;
mod lag;
mod publish;
mod reconcile;
mod replay;
mod replays;
mod task;
mod verify;
mod worker;

pub use self::findings::{Difference, Finding, Findings};
pub use self::reconcile::{ReconcileError, Report as Reconciled, reconcile};
pub use self::replay::{ReplayEnd, ReplayParts, replay};
pub use self::replays::{ReplaysParts, copy_to, spawn as spawn_replays};
pub use self::task::{Clock, Relay, RelayParts};
pub use self::verify::{VerifyError, verify};
