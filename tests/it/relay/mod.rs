//! The relay and JetStream, on real servers: no event is lost or duplicated, and each user's events
//! stay in order.

mod elsewhere;
mod embedded;
mod faults;
mod leadership;
mod long_reads;
mod order;
mod pacing;
mod permissions;
mod publishing;
mod refused;
mod resuming;
pub(crate) mod rig;
mod shared;
mod streams;
mod unrouted;
mod woken;
