//! The servers of a round: instances of the real binary, and a proxy between each instance and each
//! server.

use std::time::Duration;

use tokio::time::timeout;
use watchword::telemetry::SeededBug;

use super::history::History;
use super::nemesis::create_stream;
use super::support::binary::{Binary, BinaryOptions};
use super::support::database::{Backend, Database};
use super::support::http::Http;
use super::support::nats::{NatsOptions, NatsServer};
use super::support::postgres::{Durability, Postgres};
use super::support::proxy::Proxy;
use super::support::redis::RedisServer;
use super::support::run_dir::scratch;
use super::support::smtp::SmtpServer;

const DATABASE: &str = "watchword";
/// The variable that makes the binary crash at a named point.
const CRASH_AT: &str = "WATCHWORD_CRASH_AT";
/// How long one question to an instance may take.
const PROBE_TIMEOUT: Duration = Duration::from_secs(2);

/// Timeouts that are as short as the configuration allows or the machine bears, so that an hour
/// holds many faults. The limits are on, since they use Redis, and never reached.
const SETTINGS: [(&str, &str); 25] = [
    ("WATCHWORD_SECRET_KEY", "vKy3SynzFLR0Lm9CgBTKJ+ujg+uj4b8MsCDFC/YNt3Y="),
    ("WATCHWORD__DATABASE__MAX_CONNECTIONS", "8"),
    ("WATCHWORD__DATABASE__ACQUIRE_TIMEOUT", "1s"),
    ("WATCHWORD__DATABASE__STATEMENT_TIMEOUT", "2s"),
    ("WATCHWORD__REDIS__TIMEOUT", "100ms"),
    // The issuer of all instances.
    ("WATCHWORD__HTTP__PUBLIC_URL", "http://localhost:3001"),
    ("WATCHWORD__HTTP__REQUEST_DEADLINE", "6s"),
    ("WATCHWORD__HTTP__SHUTDOWN_GRACE", "5s"),
    ("WATCHWORD__PASSWORDS__MAX_WAIT", "4s"),
    ("WATCHWORD__TOKENS__REFRESH_GRACE", "1m"),
    ("WATCHWORD__MAIL__TIMEOUT", "2s"),
    ("WATCHWORD__STREAM__CONSUMER_CHECK", "1s"),
    ("WATCHWORD__LIMITS__ENABLED", "true"),
    ("WATCHWORD__LIMITS__LOGIN", "1000000/1m"),
    ("WATCHWORD__LIMITS__LOGIN_ACCOUNT", "1000000/1d"),
    ("WATCHWORD__LIMITS__LOGIN_ACCOUNT_NETWORK", "500000/1m"),
    ("WATCHWORD__LIMITS__REGISTER", "1000000/1m"),
    ("WATCHWORD__LIMITS__REFRESH", "1000000/1m"),
    ("WATCHWORD__LIMITS__CHANGE", "1000000/1m"),
    ("WATCHWORD__LIMITS__CUSTOM", "1000000/1m"),
    ("WATCHWORD__LIMITS__FORGOT", "1000000/1m"),
    ("WATCHWORD__LIMITS__MAIL_ADDRESS", "1000000/1m"),
    ("WATCHWORD__LIMITS__CODE", "1000000/1m"),
    ("WATCHWORD__LIMITS__RESEND", "1000000/1m"),
    ("WATCHWORD__TELEMETRY__FORMAT", "json"),
];

/// A server that an instance uses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Server {
    Nats,
    Postgres,
    Redis,
}

/// An instance, and its links to the servers.
#[derive(Debug)]
pub(crate) struct Instance {
    pub(crate) binary: Binary,
    links: Vec<(Server, Proxy)>,
    /// Whether the campaign has ended it, so that its end is no surprise.
    pub(crate) is_down: bool,
}

/// All servers.
#[derive(Debug)]
pub(crate) struct World {
    // Before the servers, so that they end first.
    pub(crate) instances: Vec<Instance>,
    pub(crate) nats: NatsServer,
    pub(crate) mail: SmtpServer,
    pub(crate) redis: Option<RedisServer>,
    pub(crate) postgres: Option<Postgres>,
    pub(crate) database: Database,
}

impl World {
    /// Starts the servers and the instances.
    pub(crate) async fn start(backend: Backend, bug: Option<SeededBug>) -> Self {
        let options = NatsOptions { sync_always: true, ..NatsOptions::default() };
        let (nats, mail) = tokio::join!(NatsServer::start_with(options), SmtpServer::start());
        create_stream(&nats).await;
        let mut service = BinaryOptions::serve(&SETTINGS);
        for (key, value) in mail.environment() {
            service = service.with(key, &value);
        }
        if let Some(bug) = bug {
            service = service.with("WATCHWORD_SEEDED_BUG", bug.name());
        }
        match backend {
            Backend::Sqlite => {
                let data_dir = scratch("data");
                let database = Database::Sqlite(data_dir.join("watchword.db"));
                let links = vec![(Server::Nats, Proxy::to(nats.port()).await)];
                service.data_dir = Some(data_dir);
                let instances = vec![Instance::start(service, links).await];
                Self { instances, nats, mail, redis: None, postgres: None, database }
            }
            Backend::Postgres => {
                let (redis, postgres) = tokio::join!(RedisServer::start(), Postgres::private(Durability::Fast));
                postgres.create_database(DATABASE, None).await;
                let mut instances = Vec::new();
                for _ in 0..2 {
                    let to_postgres = Proxy::to(postgres.port()).await;
                    let to_redis = Proxy::to(redis.port()).await;
                    let options = service
                        .clone()
                        .with("DATABASE_URL", &postgres.url_through(to_postgres.port(), DATABASE))
                        .with("REDIS_URL", &format!("redis://127.0.0.1:{}", to_redis.port()));
                    let links = vec![
                        (Server::Nats, Proxy::to(nats.port()).await),
                        (Server::Postgres, to_postgres),
                        (Server::Redis, to_redis),
                    ];
                    instances.push(Instance::start(options, links).await);
                }
                let database = Database::Postgres { url: postgres.url(DATABASE), shared_name: None };
                Self {
                    instances,
                    nats,
                    mail,
                    redis: Some(redis),
                    postgres: Some(postgres),
                    database,
                }
            }
        }
    }

    /// Returns a client of each instance.
    pub(crate) fn clients(&self) -> Vec<Http> {
        self.instances.iter().map(|instance| instance.binary.http().clone()).collect()
    }

    /// Starts what has ended, as a supervisor does. An end that the campaign did not cause is a
    /// violation.
    pub(crate) fn supervise(&mut self, history: &History) {
        for (number, instance) in self.instances.iter_mut().enumerate() {
            let Some(status) = instance.binary.process().exited() else {
                continue;
            };
            if !instance.is_down {
                history.violated(format!("instance {number} ended by itself: {status}"), &[]);
            }
            instance.start_again(None);
        }
    }

    /// Checks that no instance has panicked.
    pub(crate) fn check_logs(&mut self, history: &History) {
        for (number, instance) in self.instances.iter_mut().enumerate() {
            let log = instance.binary.process().log();
            for line in log.lines().filter(|line| line.contains("panicked at")) {
                history.violated(format!("instance {number} panicked: {line}"), &[]);
            }
        }
    }
}

impl Instance {
    async fn start(options: BinaryOptions, links: Vec<(Server, Proxy)>) -> Self {
        let nats = links.first().map_or(0, |(_, proxy)| proxy.port());
        let options = options.with("NATS_URL", &format!("nats://127.0.0.1:{nats}"));
        let binary = Binary::start(options).await;
        Self { binary, links, is_down: false }
    }

    /// Returns the link to a server.
    pub(crate) fn link(&self, server: Server) -> Option<&Proxy> {
        self.links.iter().find(|(of, _)| *of == server).map(|(_, proxy)| proxy)
    }

    /// Ends the process with SIGKILL.
    pub(crate) fn kill(&mut self) {
        self.is_down = true;
        self.binary.kill();
    }

    /// Starts the ended process again, with a point at which it crashes.
    pub(crate) fn start_again(&mut self, crash_at: Option<&str>) {
        let process = self.binary.process();
        if let Some(env) = &mut process.spec_mut().env {
            env.retain(|(key, _)| key != CRASH_AT);
            env.extend(crash_at.map(|point| (CRASH_AT.to_owned(), point.to_owned())));
        }
        process.start_again();
        self.is_down = crash_at.is_some();
    }

    /// Whether the instance says that it is ready.
    pub(crate) async fn is_ready(&self) -> bool {
        let http = self.binary.http();
        let request = http.request(reqwest::Method::GET, "/readyz");
        matches!(timeout(PROBE_TIMEOUT, http.try_send(request)).await, Ok(Ok(answer)) if answer.status == 200)
    }
}
