//! The relay: publishes committed events from the ledger to the stream, in order, each exactly
//! once.
//!
//! One instance leads (an advisory lock); the others stand by. The leader compares the ledger with
//! the stream, then reads unpublished rows, publishes them, and settles the acknowledgements. Every
//! commit wakes it.
//!
//! **When something dies, and why nothing is lost or doubled**
//!
//! | what, and when | then |
//! |---|---|
//! | the process, before a publish | the row is still unpublished: the next leader reads it |
//! | the process, after a publish, before it is settled | the row is unpublished, maybe stored [^end] |
//! | the database, while settling | the same: the outcome is unknown |
//! | NATS, keeping the stream | reconnect, reconcile, go on |
//! | NATS, losing the end of the stream or all of it | reconcile reopens the rows [^lost] |
//! | the leader's lock | the leader stops at the next check, at most a second later [^two] |
//!
//! [^end]: Before anything is published again, [`reconcile`] reads the end of the stream and
//! settles what is there; the stream's own window of message ids covers what arrives later.
//!
//! [^lost]: What was acknowledged before it was on the disk may be lost. Reconcile finds
//! acknowledged rows whose sequence is gone or has another event: they are published again with the
//! same ids.
//!
//! [^two]: Two leaders publish the same rows in the same order for that second: the stream
//! recognizes the second copy by its id.
//!
//! Order per user holds because no event of a user is sent before the event that precedes it is
//! known to be stored (see [`crate::jetstream::EventPublisher`]), and rows are read in the order of
//! the ledger.

mod backoff;
mod compare;
mod consumer_lag;
mod findings;
mod gauges;
mod parts;
mod publish;
mod reconcile;
mod replay;
mod replay_jobs;
mod task;
mod unrouted;
mod verify;
mod worker;

pub use self::findings::{Difference, Finding, Findings};
pub use self::parts::RelayParts;
pub use self::reconcile::{ReconcileError, ReconcileReport, reconcile};
pub use self::replay::{ReplayEnd, ReplayParts, replay};
pub use self::replay_jobs::{ReplayJobParts, spawn_replay_jobs};
pub use self::task::Relay;
pub use self::verify::{VerifyError, verify};
