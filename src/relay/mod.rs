//! The relay: publishes committed events from the ledger to the stream, in its order, each exactly
//! once.
//!
//! One instance leads (an advisory lock); the others stand by. The leader finds its place from the
//! end of the stream itself, reads the rows behind it and publishes them. Every publication states
//! the sequence that it builds upon, so the server refuses whatever does not continue the stream: a
//! second leader, one that was paused for an hour, a packet that arrives late. Every commit wakes
//! the leader.
//!
//! ```text
//! stand by ─► lead ─► resume: the end of the stream ─► place (cursor, fence)
//!                        ▲                                │
//!                        └── any failure ◄── drain: rows behind the cursor, batch by batch
//!                                                │
//!                                                └── acknowledged ─► position, every 100 ms
//! ```
//!
//! **When something dies, and why nothing is lost, doubled or out of order**
//!
//! | what, and when | then |
//! |---|---|
//! | the process, before or after a publication | the next leader reads what the stream holds |
//! | the lease, while this instance does not know it | its next publication is refused |
//! | NATS, keeping the stream | reconnect, read the end, go on |
//! | NATS, losing the end of the stream or all of it | the position shows it: the events are published again, with the same ids |
//! | the database, losing commits that are published | the stream has events that the ledger lacks: nothing is published until an operator acts |

mod adopt;
mod backoff;
mod consumer_lag;
mod gauges;
mod parts;
mod place;
mod publish;
mod replay;
mod status;
mod task;
mod verify;

pub use self::adopt::{AdoptError, LedgerGap, Lost, find_gap};
pub use self::parts::RelayParts;
pub use self::publish::copies::{CopyQueue, CopyRequests, copy_queue};
pub use self::replay::jobs::{ReplayJobParts, spawn_replay_jobs};
pub use self::replay::run::{ReplayEnd, ReplayParts, replay};
pub use self::status::RelayStatus;
pub use self::task::Relay;
pub use self::verify::compare::{VerifyError, verify};
pub use self::verify::findings::{Difference, Finding, Findings};
