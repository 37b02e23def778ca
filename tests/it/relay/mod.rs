//! The relay and JetStream, on real servers: no event is lost or duplicated, and each user's events
//! stay in order.

mod embedded;
mod faults;
mod leadership;
mod permissions;
mod publishing;
mod reconciling;
pub(crate) mod rig;
mod streams;
mod unrouted;
