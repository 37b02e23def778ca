//! The store alone, for states that are hard to reach through HTTP.

mod dropped;
mod failover;
mod leases;
mod migrating;
mod pooler;
mod rig;
mod schema_versions;
mod vanished;
