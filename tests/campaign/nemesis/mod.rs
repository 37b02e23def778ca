//! The nemesis: breaks servers, links and instances in an order that the seed decides, and heals
//! them.

mod cluster;
mod failover;
pub(crate) mod fault;
mod instances;
mod servers;
mod streams;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use crate::checker::Checker;
use crate::history::History;
use crate::instance::Server;
use crate::random::Choices;
use crate::recovery::Probe;
use crate::support::postgres::Postgres;
use crate::support::redis::RedisServer;
use crate::world::World;
use fault::{Kind, LinkFault, OUTLASTING, Scope};
pub(crate) use streams::create as create_stream;

/// The pause between two faults.
const QUIET: (u64, u64) = (100, 1500);
/// The delay of a slow link in each direction, in milliseconds.
const DELAY: (u64, u64) = (5, 150);

/// The faults of one kind so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Tally {
    pub(crate) count: u64,
    /// From the end of the fault until every instance accepts a change and the stream has its
    /// event.
    pub(crate) longest_recovery: Duration,
}

/// A time in which at most these scopes were broken.
#[derive(Clone, Debug)]
pub(crate) struct Window {
    pub(crate) from: Duration,
    pub(crate) to: Duration,
    pub(crate) scopes: Vec<Scope>,
}

pub(crate) struct Nemesis<'a> {
    pub(crate) world: &'a mut World,
    pub(crate) checker: &'a mut Checker,
    pub(crate) history: Arc<History>,
    pub(crate) choices: Choices,
    pub(crate) kinds: Vec<Kind>,
    pub(crate) probe: Probe,
    pub(crate) tallies: BTreeMap<&'static str, Tally>,
    pub(crate) windows: Vec<Window>,
    /// How often two faults happen together, in percent.
    pub(crate) together: usize,
    /// Whether all faults are chosen equally often.
    pub(crate) even: bool,
    pub(crate) verbose: bool,
}

/// A fault that has begun, with what its end needs.
struct Ongoing {
    kind: Kind,
    /// The instances that it concerns.
    instances: Vec<usize>,
    kept: Kept,
}

/// What the end of a fault needs.
enum Kept {
    Nothing,
    /// A copy of the stream's files.
    Store(PathBuf),
    /// A node of the cluster.
    Node(usize),
    /// What becomes the primary.
    Standby(Postgres),
    /// What becomes the master.
    Replica(RedisServer),
}

impl Nemesis<'_> {
    /// Breaks and heals until the time has come.
    pub(crate) async fn run(&mut self, until: Instant) {
        while Instant::now() < until && !self.kinds.is_empty() {
            self.step().await;
            if self.checker.has_given_up() {
                return;
            }
        }
    }

    async fn step(&mut self) {
        let from = self.history.now();
        let kinds = self.choose();
        let mut ongoing = Vec::new();
        for kind in kinds {
            let instances = self.some_instances();
            self.note(format!("{} {instances:?}", kind.name()));
            let kept = self.inject(kind, &instances).await;
            ongoing.push(Ongoing { kind, instances, kept });
        }
        let lasts = self.duration(&ongoing);
        tokio::time::sleep(lasts).await;
        // Instances last: they do not start without their database.
        ongoing.sort_by_key(|fault| std::cmp::Reverse(fault.kind.scope()));
        for fault in &mut ongoing {
            self.heal(fault).await;
        }
        if ongoing.iter().any(|fault| fault.kind.scope() == Scope::Instance) {
            self.excuse_ends();
        }
        self.note("healed".to_owned());
        let took = self.probe.recovered(self.world, &self.history, &mut self.choices).await;
        self.note(format!("recovered after {:.1} s", took.as_secs_f64()));
        for fault in &ongoing {
            let tally = self.tallies.entry(fault.kind.name()).or_default();
            tally.count += 1;
            tally.longest_recovery = tally.longest_recovery.max(took);
        }
        let scopes = ongoing.iter().map(|fault| fault.kind.scope()).collect();
        self.windows.push(Window { from, to: self.history.now(), scopes });
        self.checker.observe(&self.world.nats, &self.history).await;
        let quiet = self.choices.millis(QUIET.0, QUIET.1);
        tokio::time::sleep(quiet).await;
        let now = self.history.now();
        self.windows.push(Window { from: now.saturating_sub(quiet), to: now, scopes: Vec::new() });
    }

    /// Chooses one fault, or two of different scopes.
    fn choose(&mut self) -> Vec<Kind> {
        let weighted: Vec<(Kind, usize)> =
            self.kinds.iter().map(|kind| (*kind, if self.even { 1 } else { kind.weight() })).collect();
        let wanted = if self.choices.percent(self.together) { 2 } else { 1 };
        let mut chosen: Vec<Kind> = Vec::new();
        for _ in 0..wanted {
            if let Some(kind) = self.choices.weighted(&weighted)
                && chosen.iter().all(|other| other.scope() != kind.scope() && !other.is_alone())
                && (chosen.is_empty() || !kind.is_alone())
            {
                chosen.push(kind);
            }
        }
        // What needs NATS to answer begins first.
        chosen.sort_by_key(|kind| kind.scope() != Scope::Nats);
        chosen
    }

    /// Chooses one instance, or all.
    fn some_instances(&mut self) -> Vec<usize> {
        let count = self.world.instances.len();
        if self.choices.percent(25) {
            (0..count).collect()
        } else {
            vec![self.choices.below(count)]
        }
    }

    fn duration(&mut self, ongoing: &[Ongoing]) -> Duration {
        let longest = ongoing.iter().map(|fault| fault.kind.lasts()).max_by_key(|(_, max)| *max);
        let (min, max) = longest.unwrap_or((0, 0));
        let may_outlast = ongoing.iter().any(|fault| fault.kind.may_outlast_timeouts());
        if may_outlast && self.choices.percent(15) {
            self.choices.millis(OUTLASTING.0, OUTLASTING.1)
        } else {
            self.choices.millis(min, max)
        }
    }

    async fn inject(&mut self, kind: Kind, instances: &[usize]) -> Kept {
        match kind {
            Kind::InstanceKilled => self.kill(instances),
            Kind::InstanceCrashed => self.crash(instances),
            Kind::InstancePaused => self.pause(instances),
            Kind::InstanceFrozen => self.freeze_the_leader(instances).await,
            Kind::InstanceStopped => self.terminate(instances),
            Kind::RollingRestart => self.restart_in_turn().await,
            Kind::SchemaExtended => {
                self.extend_schema().await;
                self.restart_in_turn().await;
            }
            Kind::ClocksApart => self.set_clock(instances),
            Kind::DiskFull => self.fill_disk(instances),
            Kind::StreamTailLost => return self.copy_store().await.map_or(Kept::Nothing, Kept::Store),
            Kind::StreamDeleted => self.delete_stream(false).await,
            Kind::StreamReplaced => self.delete_stream(true).await,
            Kind::StreamPurged => self.purge().await,
            Kind::StreamEdited => self.delete_message().await,
            Kind::StreamFull => self.fill(true).await,
            Kind::StreamShared => self.publish_foreign().await,
            Kind::NatsNodeKilled | Kind::NatsNodePaused => return Kept::Node(self.break_node(kind).await),
            Kind::NatsLeaderMoved => self.move_leader().await,
            Kind::NatsReplicaBehind => return Kept::Node(self.hold_a_replica_back().await),
            Kind::PostgresPromoted => return self.copy_primary().await.map_or(Kept::Nothing, Kept::Standby),
            Kind::RedisFailedOver => return self.start_replica().await.map_or(Kept::Nothing, Kept::Replica),
            Kind::Link(server, fault) => self.break_links(server, fault, instances),
            _ => self.break_server(kind).await,
        }
        Kept::Nothing
    }

    fn break_links(&mut self, server: Server, fault: LinkFault, instances: &[usize]) {
        let delay = self.choices.millis(DELAY.0, DELAY.1);
        for proxy in self.links(server, instances) {
            match fault {
                LinkFault::Silent => proxy.silence(),
                LinkFault::Stalled => proxy.stall(true),
                LinkFault::Cut => proxy.cut(),
                LinkFault::Delayed => proxy.set_latency(delay),
                LinkFault::Sliced => proxy.slice(true),
                LinkFault::Unanswered => proxy.drop_answers(true),
            }
        }
    }

    async fn heal(&mut self, fault: &mut Ongoing) {
        match (fault.kind, std::mem::replace(&mut fault.kept, Kept::Nothing)) {
            (Kind::InstanceKilled | Kind::InstanceCrashed | Kind::ClocksApart, _) => self.start_again(&fault.instances),
            (Kind::InstancePaused, _) => self.resume(&fault.instances),
            (Kind::InstanceFrozen, _) => self.wake(&fault.instances),
            (Kind::InstanceStopped, _) => self.await_end(&fault.instances).await,
            (Kind::DiskFull, _) => self.free_disk(&fault.instances),
            (Kind::StreamFull, _) => self.fill(false).await,
            (Kind::NatsReplicaBehind, Kept::Node(node)) => self.start_at_the_replica(node).await,
            (kind, Kept::Node(node)) => self.mend_node(kind, node).await,
            (_, Kept::Store(copy)) => self.put_back(&copy).await,
            (_, Kept::Standby(standby)) => self.promote(standby).await,
            (_, Kept::Replica(replica)) => self.promote_replica(replica).await,
            (Kind::Link(server, link), _) => {
                for proxy in self.links(server, &fault.instances) {
                    proxy.heal();
                    if link == LinkFault::Unanswered {
                        // The rest of an answer would be taken for another one.
                        proxy.reset_connections();
                    }
                }
            }
            (kind, _) => self.mend_server(kind).await,
        }
    }

    fn links(&self, server: Server, instances: &[usize]) -> Vec<&crate::support::proxy::Proxy> {
        let chosen = instances.iter().filter_map(|number| self.world.instances.get(*number));
        chosen.filter_map(|instance| instance.link(server)).collect()
    }

    fn note(&self, what: String) {
        if self.verbose {
            crate::report::say(&format!("{:7.3}  {what}", self.history.now().as_secs_f64()));
        }
        self.history.note(what);
    }
}
