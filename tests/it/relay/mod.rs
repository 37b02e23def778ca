//! The relay and JetStream, against real servers: nothing lost, nothing doubled, each user's events in order.

mod embedded;
mod faults;
mod leadership;
mod permissions;
mod publishing;
mod reconciling;
pub(crate) mod rig;
mod streams;
