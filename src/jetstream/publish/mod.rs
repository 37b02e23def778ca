//! Publishing events behind the end of a stream that is known: in atomic batches or one by one, to
//! the event stream or as a replay.

mod batch;
mod message;
mod outcome;
mod publisher;
mod replay;
mod replay_naming;
mod singles;
mod target;

pub use self::{
    message::{OutgoingEvent, OutgoingMessage, Source},
    outcome::{Answer, Failure},
    publisher::{JetStreamPublisher, MAX_ATOMIC_BATCH_SIZE, MIN_ATOMIC_BATCH_SIZE, SendMode, Sent, may_be_unrouted},
    replay::ReplayPublisher,
    replay_naming::REPLAY_SUBJECT,
};
