//! NATS as it is meant to run: the shipped configuration with its users, TLS and other identities, a cluster.

mod denied;
mod rights;
mod working;

use crate::support::nats::{NatsOptions, NatsServer};
use crate::support::nats_users::provision;

/// A server with the shipped configuration, its streams and its durables.
async fn shipped() -> NatsServer {
    let options = NatsOptions {
        shipped: true,
        ..NatsOptions::default()
    };
    let nats = NatsServer::start_with(options).await;
    provision(&nats).await;
    nats
}
