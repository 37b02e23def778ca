//! The NATS server of a round, or a cluster of three.

use std::time::Duration;

use async_nats::jetstream::Context;

use super::checker::STREAM;
use super::support::nats::{NatsOptions, NatsServer};
use super::support::nats_cluster::{Access, NatsCluster, Node};
use super::support::wait::within;

/// How long the replicas may take until they are equal again.
const SETTLE_TIMEOUT: Duration = Duration::from_secs(60);

/// What the instances publish to.
#[derive(Debug)]
pub(crate) enum Broker {
    One(NatsServer),
    Three(NatsCluster),
}

impl Broker {
    pub(crate) async fn start(is_cluster: bool) -> Self {
        if is_cluster {
            return Self::Three(NatsCluster::start_with(Access::Open).await);
        }
        let options = NatsOptions { sync_always: true, ..NatsOptions::default() };
        Self::One(NatsServer::start_with(options).await)
    }

    pub(crate) async fn jetstream(&self) -> Context {
        match self {
            Self::One(server) => server.jetstream().await,
            Self::Three(cluster) => cluster.jetstream().await,
        }
    }

    /// Returns the number of servers, each of which has the stream.
    pub(crate) const fn replicas(&self) -> usize {
        match self {
            Self::One(_) => 1,
            Self::Three(_) => 3,
        }
    }

    /// Returns the port of a server.
    pub(crate) fn port(&self, number: usize) -> u16 {
        match self {
            Self::One(server) => server.port(),
            Self::Three(cluster) => cluster.nodes.get(number % 3).map_or(0, Node::port),
        }
    }

    /// Returns the server, unless there are three.
    pub(crate) const fn one(&mut self) -> Option<&mut NatsServer> {
        match self {
            Self::One(server) => Some(server),
            Self::Three(_) => None,
        }
    }

    /// Returns a node of the cluster.
    pub(crate) fn node(&mut self, number: usize) -> Option<&mut Node> {
        match self {
            Self::One(_) => None,
            Self::Three(cluster) => cluster.nodes.get_mut(number),
        }
    }

    /// Returns the node that leads the stream, if there is one now.
    pub(crate) async fn leader(&self) -> Option<usize> {
        let Self::Three(cluster) = self else { return None };
        let stream = self.jetstream().await.get_stream(STREAM).await.ok()?;
        let leader = stream.cached_info().cluster.as_ref()?.leader.clone()?;
        cluster.nodes.iter().position(|node| node.name == leader)
    }

    /// Waits until all servers have the same. Until then a node that has just woken may take itself
    /// for the leader, and show less.
    pub(crate) async fn settled(&self) -> Result<(), String> {
        let Self::Three(_) = self else { return Ok(()) };
        let jetstream = self.jetstream().await;
        within(SETTLE_TIMEOUT, || async {
            let stream = jetstream.get_stream(STREAM).await.map_err(|error| error.to_string())?;
            let cluster = stream.cached_info().cluster.clone().ok_or_else(|| "no cluster".to_owned())?;
            let are_current = cluster.replicas.iter().all(|peer| peer.current && !peer.offline);
            match cluster.leader.is_some() && are_current {
                true => Ok(()),
                false => Err(format!("{cluster:?}")),
            }
        })
        .await
    }
}
