//! The ledger, table `events`: what the relay, followers, lists, counts and replays read of it.

pub(super) mod adopt;
mod barrier;
pub(super) mod counts;
pub(super) mod decided;
pub(super) mod endings;
pub(super) mod follow;
pub(super) mod ledger;
pub(super) mod list;
mod masking;
pub(super) mod positions;
pub(super) mod publishing;
pub(super) mod replays;
pub(super) mod selection;
pub(super) mod watermark;
