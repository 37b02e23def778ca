//! The connection to NATS, and what is known through it.

pub(super) mod connect;
mod identity_file;
pub(super) mod permissions;
mod state;
mod status;
pub(super) mod status_metrics;
mod trouble;
mod user;
mod version;

pub(super) use self::{
    state::{Connection, ConnectionState},
    user::NatsUser,
};
pub use self::{
    status::{NatsStatus, StreamFacts, StreamState},
    trouble::ConnectProblem,
    version::{NotAVersion, ServerVersion},
};
