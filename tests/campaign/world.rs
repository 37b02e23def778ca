//! The servers of a round: instances of the real binary, and a proxy between each instance and each
//! server.

use watchword::telemetry::SeededBug;

use super::broker::Broker;
use super::history::History;
use super::instance::{Instance, Server, Start};
use super::nemesis::create_stream;
use super::support::binary::BinaryOptions;
use super::support::database::{Backend, Database};
use super::support::http::Http;
use super::support::postgres::{Durability, Postgres};
use super::support::proxy::Proxy;
use super::support::redis::RedisServer;
use super::support::run_dir::scratch;
use super::support::smtp::SmtpServer;

pub(crate) const DATABASE: &str = "watchword";

/// Timeouts that are as short as the configuration allows or the machine bears, so that an hour
/// holds many faults. The limits are on, since they use Redis, and never reached.
const SETTINGS: [(&str, &str); 27] = [
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
    ("WATCHWORD__LIMITS__MFA", "1000000/1h"),
    ("WATCHWORD__LIMITS__MFA_DAY", "1000000/1d"),
    ("WATCHWORD__TELEMETRY__FORMAT", "json"),
];

/// What a round runs on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Setting {
    pub(crate) backend: Backend,
    /// Whether there are three NATS servers.
    pub(crate) is_cluster: bool,
}

impl Setting {
    pub(crate) const fn name(self) -> &'static str {
        match (self.backend, self.is_cluster) {
            (Backend::Sqlite, false) => "sqlite",
            (Backend::Sqlite, true) => "sqlite and three NATS servers",
            (Backend::Postgres, false) => "postgres",
            (Backend::Postgres, true) => "postgres and three NATS servers",
        }
    }
}

/// All servers.
#[derive(Debug)]
pub(crate) struct World {
    // Before the servers, so that they end first.
    pub(crate) instances: Vec<Instance>,
    pub(crate) nats: Broker,
    pub(crate) mail: SmtpServer,
    pub(crate) redis: Option<RedisServer>,
    pub(crate) postgres: Option<Postgres>,
    pub(crate) database: Database,
    /// Whether a failover has lost commits, so that the ledger may be behind the stream.
    pub(crate) has_lost_commits: bool,
}

impl World {
    /// Starts the servers and the instances.
    pub(crate) async fn start(setting: Setting, bug: Option<SeededBug>) -> Self {
        let (nats, mail) = tokio::join!(Broker::start(setting.is_cluster), SmtpServer::start());
        create_stream(&nats).await;
        let mut service =
            BinaryOptions::serve(&SETTINGS).with("WATCHWORD__STREAM__REPLICAS", &nats.replicas().to_string());
        for (key, value) in mail.environment() {
            service = service.with(key, &value);
        }
        if let Some(bug) = bug {
            service = service.with("WATCHWORD_SEEDED_BUG", bug.name());
        }
        match setting.backend {
            Backend::Sqlite => {
                let data_dir = scratch("data");
                let database = Database::Sqlite(data_dir.join("watchword.db"));
                let links = vec![(Server::Nats, Proxy::to(nats.port(0)).await)];
                service.data_dir = Some(data_dir);
                service.survives_file_limits = true;
                let instances = vec![Instance::start(service, links, 0).await];
                let (redis, postgres) = (None, None);
                Self {
                    instances,
                    nats,
                    mail,
                    redis,
                    postgres,
                    database,
                    has_lost_commits: false,
                }
            }
            Backend::Postgres => {
                let (redis, postgres) = tokio::join!(RedisServer::start(), Postgres::private(Durability::Fast));
                postgres.create_database(DATABASE, None).await;
                let mut instances = Vec::new();
                for number in 0..2 {
                    let to_postgres = Proxy::to(postgres.port()).await;
                    let to_redis = Proxy::to(redis.port()).await;
                    let options = service
                        .clone()
                        .with("DATABASE_URL", &postgres.url_through(to_postgres.port(), DATABASE))
                        .with("REDIS_URL", &format!("redis://127.0.0.1:{}", to_redis.port()));
                    let links = vec![
                        (Server::Nats, Proxy::to(nats.port(number)).await),
                        (Server::Postgres, to_postgres),
                        (Server::Redis, to_redis),
                    ];
                    instances.push(Instance::start(options, links, number).await);
                }
                let database = Database::Postgres { url: postgres.url(DATABASE), shared_name: None };
                Self {
                    instances,
                    nats,
                    mail,
                    redis: Some(redis),
                    postgres: Some(postgres),
                    database,
                    has_lost_commits: false,
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
            instance.start_again(&Start::Plain);
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
