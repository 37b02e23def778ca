//! Publishing events: in atomic batches or pipelined, to the event stream or as a replay.

mod batch;
mod message;
mod outcome;
mod pipelined;
mod publisher;
mod replay;
mod replay_naming;
mod target;

pub use self::{
    message::{OutgoingEvent, Source},
    outcome::{PublishOutcome, Reason},
    publisher::{EventPublisher, JetStreamPublisher, MAX_ATOMIC_BATCH_SIZE, MIN_ATOMIC_BATCH_SIZE},
    replay::{ReplayPublisher, ReplayedEvents},
    replay_naming::REPLAY_SUBJECT,
};
