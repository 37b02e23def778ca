//! A cluster of three nats-servers on this machine, with the shipped configuration.

use std::fs;
use std::path::Path;
use std::time::Duration;

use async_nats::jetstream::{self, Context};
use serde_json::Value;

use super::nats;
use super::nats_users;
use super::ports::free_port;
use super::process::{LastSignal, NotReady, Process, ProcessSpec};
use super::run_dir::{repository, scratch};
use super::wait::eventually;

/// How long an election or a catch-up may take on a busy machine.
const TIMEOUT: Duration = Duration::from_secs(60);

/// How often a start is retried, when a port is taken.
const MAX_STARTS: usize = 10;

/// A node of the cluster.
#[derive(Debug)]
pub(crate) struct Node {
    pub(crate) name: String,
    process: Process,
    port: u16,
    monitoring: u16,
}

/// Who may use a cluster.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Access {
    /// The users of the shipped configuration.
    Shipped,
    /// Every client may do everything. Nodes do not tell clients of the others, so that these stay
    /// behind their proxies.
    Open,
}

/// A cluster of three nodes. Dropping it ends them.
#[derive(Debug)]
pub(crate) struct NatsCluster {
    pub(crate) nodes: Vec<Node>,
    access: Access,
}

impl NatsCluster {
    /// Starts three nodes, and waits until they have a leader.
    pub(crate) async fn start() -> Self {
        Self::start_with(Access::Shipped).await
    }

    /// The same, for other clients.
    pub(crate) async fn start_with(access: Access) -> Self {
        for _ in 0..MAX_STARTS {
            if let Some(cluster) = Self::try_start(access).await {
                return cluster;
            }
        }
        panic!("{MAX_STARTS} times a port was taken by another process");
    }

    /// Returns `None` if a node found one of its ports taken: all three must know the new port.
    async fn try_start(access: Access) -> Option<Self> {
        let routes: Vec<u16> = (0..3).map(|_| free_port()).collect();
        let started = routes.iter().enumerate();
        let nodes = started.map(|(index, route)| Node::start(index + 1, *route, &routes, access)).collect();
        let mut cluster = Self { nodes, access };
        for node in &mut cluster.nodes {
            match node.try_healthy().await {
                Ok(()) => {}
                Err(NotReady::PortTaken) => return None,
                Err(reason) => panic!("{}: {reason}", node.name),
            }
        }
        Some(cluster)
    }

    /// Returns the URLs of all nodes.
    pub(crate) fn url(&self) -> String {
        let urls: Vec<String> = self.nodes.iter().map(Node::url).collect();
        urls.join(",")
    }

    /// Returns the JetStream API as the operator, if there are users, over the running nodes.
    pub(crate) async fn jetstream(&self) -> Context {
        let addresses: Vec<async_nats::ServerAddr> =
            self.nodes.iter().map(|node| node.url().parse().expect("an address")).collect();
        let options = match self.access {
            Access::Shipped => nats_users::login("operator"),
            Access::Open => async_nats::ConnectOptions::new(),
        };
        let client = options.connect(addresses).await;
        jetstream::new(client.expect("connect to the cluster"))
    }

    /// Returns a node by its index.
    pub(crate) fn node(&mut self, index: usize) -> &mut Node {
        self.nodes.get_mut(index).expect("one of three")
    }

    /// Returns the index of the node that leads a stream.
    pub(crate) async fn leader(&self, stream: &str) -> usize {
        let jetstream = self.jetstream().await;
        let name = eventually(TIMEOUT, || async {
            let stream = jetstream.get_stream(stream).await.map_err(|error| error.to_string())?;
            let cluster = stream.cached_info().cluster.clone();
            cluster.and_then(|cluster| cluster.leader).ok_or_else(|| "no leader".to_owned())
        })
        .await;
        self.nodes.iter().position(|node| node.name == name).expect("one of the nodes")
    }

    /// Waits until every replica of a stream is current.
    pub(crate) async fn in_sync(&self, stream: &str) {
        let jetstream = self.jetstream().await;
        eventually(TIMEOUT, || async {
            let stream = jetstream.get_stream(stream).await.map_err(|error| error.to_string())?;
            let cluster = stream.cached_info().cluster.clone().ok_or_else(|| "no cluster".to_owned())?;
            let current = cluster.replicas.iter().filter(|peer| peer.current && !peer.offline).count();
            if cluster.leader.is_some() && current == 2 {
                Ok(())
            } else {
                Err(format!("{cluster:?}"))
            }
        })
        .await;
    }

    /// Makes another node lead a stream.
    pub(crate) async fn move_leader(&self, stream: &str) {
        let before = self.leader(stream).await;
        let (client, subject) = (self.jetstream().await, format!("$JS.API.STREAM.LEADER.STEPDOWN.{stream}"));
        let answer = client.client().request(subject, Default::default()).await.expect("an answer");
        let answer: Value = serde_json::from_slice(&answer.payload).expect("JSON");
        assert_eq!(answer.get("error"), None, "{answer}");
        eventually(TIMEOUT, || async { self.leader(stream).await != before }).await;
    }

    /// Returns every message of a stream.
    pub(crate) async fn messages(&self, stream: &str) -> Vec<nats::StreamMessage> {
        nats::messages(&self.jetstream().await, stream).await
    }
}

impl Node {
    fn start(number: usize, route: u16, routes: &[u16], access: Access) -> Self {
        let dir = scratch("node");
        let (port, monitoring) = (free_port(), free_port());
        let file = configure(&dir, number, [port, monitoring, route], access);
        let mut env = nats_users::environment();
        env.push(("NATS_CLUSTER_PASSWORD".to_owned(), "secret-of-nodes".to_owned()));
        for (index, route) in routes.iter().enumerate() {
            let url = format!("nats://node:secret-of-nodes@127.0.0.1:{route}");
            env.push((format!("NATS_ROUTE_{}", index + 1), url));
        }
        let process = Process::start(ProcessSpec {
            name: "nats-server",
            program: nats::program(),
            args: vec!["--config".into(), file],
            env: Some(env),
            log: dir.join("nats-server.log"),
            user: None,
            last_signal: LastSignal::Kill,
        });
        Self {
            name: format!("auth-nats-{number}"),
            process,
            port,
            monitoring,
        }
    }

    /// Returns the URL for clients.
    pub(crate) fn url(&self) -> String {
        format!("nats://127.0.0.1:{}", self.port())
    }

    /// Returns the port for clients.
    pub(crate) const fn port(&self) -> u16 {
        self.port
    }

    /// Freezes the node: it keeps its connections, and falls behind.
    pub(crate) fn pause(&self) {
        self.process.pause();
    }

    /// Resumes a frozen node.
    pub(crate) fn resume(&self) {
        self.process.resume();
    }

    /// Ends the node with SIGKILL.
    pub(crate) fn kill(&mut self) {
        self.process.kill();
    }

    /// Starts the node again with its data.
    pub(crate) async fn start_again(&mut self) {
        self.process.start_again();
        if let Err(reason) = self.try_healthy().await {
            panic!("{}: {reason}", self.name);
        }
    }

    /// Waits until the node has joined the cluster and its streams are current.
    async fn try_healthy(&mut self) -> Result<(), NotReady> {
        let url = format!("http://127.0.0.1:{}/healthz", self.monitoring);
        let probe = || async {
            let answer = reqwest::get(&url).await.map_err(|error| error.to_string())?;
            let answer: Value = answer.json().await.map_err(|error| error.to_string())?;
            if answer.get("status").is_some_and(|status| status == "ok") {
                Ok(())
            } else {
                Err(answer.to_string())
            }
        };
        self.process.try_ready(probe).await
    }
}

/// Copies the shipped files with other addresses and another directory. Returns the name of the
/// node's configuration file.
fn configure(dir: &Path, number: usize, [port, monitoring, route]: [u16; 3], access: Access) -> String {
    let shipped = repository().join("nats");
    let copied = dir.join("cluster");
    fs::create_dir(&copied).expect("make a directory");
    fs::copy(shipped.join("accounts.conf"), dir.join("accounts.conf")).expect("copy accounts.conf");
    let node = format!("nats-{number}.conf");
    fs::copy(shipped.join("cluster").join(&node), copied.join(&node)).expect("copy the node's configuration");
    let mut common = fs::read_to_string(shipped.join("cluster/cluster.conf")).expect("cluster.conf");
    for (theirs, ours) in [
        ("0.0.0.0:4222", format!("127.0.0.1:{port}")),
        ("127.0.0.1:8222", format!("127.0.0.1:{monitoring}")),
        ("0.0.0.0:6222", format!("127.0.0.1:{route}")),
        ("/data", dir.join("jetstream").display().to_string()),
    ] {
        let theirs = format!("\"{theirs}\"");
        assert!(common.contains(&theirs), "cluster.conf has no {theirs}");
        common = common.replace(&theirs, &format!("\"{ours}\""));
    }
    if access == Access::Open {
        for (theirs, ours) in [
            ("include \"../accounts.conf\"", ""),
            ("name: auth-nats", "name: auth-nats\n  no_advertise: true"),
        ] {
            assert!(common.contains(theirs), "cluster.conf has no {theirs}");
            common = common.replace(theirs, ours);
        }
    }
    fs::write(copied.join("cluster.conf"), common).expect("write cluster.conf");
    copied.join(node).display().to_string()
}
