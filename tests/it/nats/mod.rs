//! NATS in production setups: the shipped configuration with its users, TLS and other credentials,
//! and a cluster.

mod cluster;
mod denied;
mod guests;
pub(crate) mod identities;
mod lag;
mod permissions;
mod programs;
mod replicas;

use crate::support::nats::{NatsOptions, NatsServer};
use crate::support::nats_users::provision;

/// Starts a server with the shipped configuration, its streams and its durables.
async fn shipped() -> NatsServer {
    let options = NatsOptions { shipped: true, ..NatsOptions::default() };
    let nats = NatsServer::start_with(options).await;
    provision(&nats).await;
    nats
}
