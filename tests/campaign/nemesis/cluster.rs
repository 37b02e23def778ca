//! Faults of a cluster of three NATS servers.

use std::time::Duration;

use async_nats::HeaderMap;
use tokio::time::{Instant, sleep};

use crate::checker::{FOREIGN, STREAM};
use crate::instance::{Instance, Server, Start};
use crate::support::wait::within;

use super::Nemesis;
use super::fault::Kind;

/// How often the node that leads the stream is chosen, in percent.
const LEADER: usize = 60;
/// How often a load balancer leads instances away from a broken node, in percent.
const LED_AWAY: usize = 70;
/// How long the leader may take to get to the point at which it crashes.
const CRASH_TIMEOUT: Duration = Duration::from_secs(20);
/// How long an instance may take to start without NATS.
const START_TIMEOUT: Duration = Duration::from_secs(10);

/// How many publications an instance makes before it crashes, at most.
const MAX_PUBLICATIONS: usize = 4;
/// How long a replica that is behind is slow: it runs for a moment, and stops for a longer one.
const SLOW_FOR: Duration = Duration::from_secs(8);
const AWAKE: Duration = Duration::from_millis(30);
const ASLEEP: Duration = Duration::from_millis(150);
/// How many messages others publish while a replica is behind, so that it takes a while to catch
/// up, and how many of them at a time.
const BACKLOG: usize = 1000;
const BACKLOG_CHUNK: usize = 100;

impl Nemesis<'_> {
    /// Chooses a node: mostly the one that leads the stream.
    async fn some_node(&mut self) -> usize {
        let other = self.choices.below(3);
        match self.choices.percent(LEADER) {
            true => self.world.nats.leader().await.unwrap_or(other),
            false => other,
        }
    }

    /// Leads the links of instances to a node.
    fn lead_to(&mut self, node: usize, is_concerned: impl Fn(&Instance) -> bool) {
        let port = self.world.nats.port(node);
        for instance in self.world.instances.iter_mut().filter(|instance| is_concerned(instance)) {
            instance.nats_node = node;
            if let Some(proxy) = instance.link(Server::Nats) {
                proxy.lead_to(port);
                proxy.reset_connections();
            }
        }
    }

    /// Kills or pauses a node, and returns which.
    pub(super) async fn break_node(&mut self, kind: Kind) -> usize {
        let number = self.some_node().await;
        if let Some(node) = self.world.nats.node(number) {
            match kind {
                Kind::NatsNodeKilled => node.kill(),
                _ => node.pause(),
            }
        }
        self.note(format!("  node {number}"));
        if self.choices.percent(LED_AWAY) {
            self.lead_to((number + 1) % 3, |instance| instance.nats_node == number);
        }
        number
    }

    pub(super) async fn mend_node(&mut self, kind: Kind, number: usize) {
        if let Some(node) = self.world.nats.node(number) {
            match kind {
                Kind::NatsNodeKilled => node.start_again().await,
                _ => node.resume(),
            }
        }
    }

    /// Lets another node lead the stream.
    pub(super) async fn move_leader(&self) {
        let jetstream = self.world.nats.jetstream().await;
        let subject = format!("$JS.API.STREAM.LEADER.STEPDOWN.{STREAM}");
        // Without a leader there is nothing to move.
        drop(jetstream.client().request(subject, Default::default()).await);
    }

    /// Stops a node that does not lead the stream, and returns which. The instances reach another
    /// one, and crash when they have published something that they have not noted.
    pub(super) async fn hold_a_replica_back(&mut self) -> usize {
        let leader = self.world.nats.leader().await.unwrap_or(0);
        let behind = (leader + 1 + self.choices.below(2)) % 3;
        self.lead_to(leader, |_| true);
        if let Some(node) = self.world.nats.node(behind) {
            node.pause();
        }
        for instance in &mut self.world.instances {
            let point = format!("after_publish_before_position:{}", 1 + self.choices.below(MAX_PUBLICATIONS));
            instance.kill();
            instance.start_again(&Start::CrashAt(point));
        }
        behind
    }

    /// Starts all instances where they reach only the node that has stopped. It wakes, and is so
    /// slow that they connect before it has caught up.
    pub(super) async fn start_at_the_replica(&mut self, behind: usize) {
        let crashed = within(CRASH_TIMEOUT, || {
            let instances = self.world.instances.iter_mut();
            let crashed = instances
                .map(|instance| instance.binary.process().exited())
                .any(|exited| exited.is_some());
            async move { crashed }
        });
        // Without a publication there is nothing to lack.
        drop(crashed.await);
        self.world.instances.iter_mut().for_each(Instance::kill);
        self.lead_to(behind, |_| true);
        self.publish_backlog().await;
        for instance in &mut self.world.instances {
            instance.start_again(&Start::Plain);
        }
        for instance in &self.world.instances {
            drop(within(START_TIMEOUT, || instance.readiness()).await);
        }
        if let Some(node) = self.world.nats.node(behind) {
            let end = Instant::now() + SLOW_FOR;
            while Instant::now() < end {
                node.resume();
                sleep(AWAKE).await;
                node.pause();
                sleep(ASLEEP).await;
            }
            node.resume();
        }
    }

    async fn publish_backlog(&self) {
        let jetstream = self.world.nats.jetstream().await;
        let mut headers = HeaderMap::new();
        headers.insert(FOREIGN, "yes");
        for _ in 0..BACKLOG / BACKLOG_CHUNK {
            let mut acknowledgements = Vec::new();
            for _ in 0..BACKLOG_CHUNK {
                let sent = jetstream.publish_with_headers("auth.user.logged_in", headers.clone(), "{}".into());
                acknowledgements.extend(sent.await);
            }
            for acknowledgement in acknowledgements {
                drop(acknowledgement.await);
            }
        }
    }
}
