//! The relay without the HTTP service: a store, a NATS connection and the relay between them.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use secrecy::SecretString;
use sqlx::{AssertSqlSafe, Connection, Executor, PgConnection, SqliteConnection};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;
use watchword::config::Settings;
use watchword::domain::clock::{Clock, SystemClock};
use watchword::domain::random::{Random, SystemRandom};
use watchword::jetstream::{Nats, NatsHandle, StreamState};
use watchword::relay::{CopyQueue, Relay, RelayParts, RelayStatus, copy_queue};
use watchword::security::{LedgerMarks, SecretKey};
use watchword::store::{EventProfile, Ledger, Store};
use watchword::telemetry::Metrics;
use watchword_events::Pii;

use crate::support::database::{Backend, Database, LedgerRow};
use crate::support::invariants::differences_where;
use crate::support::nats::{NatsServer, StreamMessage};
use crate::support::run_dir::scratch;
use crate::support::wait::eventually;

/// How long the relay may take for anything.
pub(crate) const TIMEOUT: Duration = Duration::from_secs(60);
pub(crate) const STREAM: &str = "auth-events";
/// How long events may wait after any fault has ended, or when another instance has to lead.
pub(crate) const RECOVERY: Duration = Duration::from_secs(15);

/// A database with the service's tables, and the settings that point to it and to a NATS server.
pub(crate) struct Rig {
    pub(crate) settings: Settings,
    pub(crate) store: Store,
    pub(crate) database: Database,
    /// How long the relay may publish after the shutdown.
    pub(crate) flush_timeout: Duration,
}

/// A relay and its connection.
pub(crate) struct Running {
    pub(crate) nats: NatsHandle,
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) status: watch::Receiver<RelayStatus>,
    stop_relay: CancellationToken,
    stop_nats: CancellationToken,
    relay: JoinHandle<()>,
    _copies: CopyQueue,
}

/// Returns the default settings, with a fresh data directory and this server.
pub(crate) fn settings(nats: Option<&NatsServer>) -> Settings {
    let mut settings = Settings::load_from(None, []).expect("the defaults");
    settings.data_dir = scratch("relay");
    settings.nats.url = nats.map(|nats| SecretString::from(nats.url()));
    settings
}

impl Rig {
    /// Creates a fresh database.
    pub(crate) async fn new(backend: Backend, nats: &NatsServer) -> Self {
        Self::with(backend, settings(Some(nats))).await
    }

    /// Creates a fresh database, with these settings.
    pub(crate) async fn with(backend: Backend, mut settings: Settings) -> Self {
        let database = Database::fresh(backend, &settings.data_dir).await;
        settings.database.url = database.url().map(SecretString::from);
        let store = open(&settings).await;
        store.migrate_up().await.expect("migrate");
        Self {
            settings,
            store,
            database,
            flush_timeout: Duration::from_secs(10),
        }
    }

    /// Returns the ledger that the relay reads.
    pub(crate) fn ledger(&self) -> Ledger {
        self.store.ledger()
    }

    /// Starts a connection and a relay.
    pub(crate) async fn start(&self) -> Running {
        let metrics = Metrics::new().expect("metrics");
        let (stop_relay, stop_nats) = (CancellationToken::new(), CancellationToken::new());
        let random = SystemRandom::default();
        let nats = Nats::start(&self.settings, &random, metrics.clone(), stop_nats.clone())
            .await
            .expect("start NATS");
        let (copies, requests) = copy_queue();
        let status = watch::Sender::default();
        let seen = status.subscribe();
        let relay = Relay::spawn(RelayParts {
            ledger: self.ledger(),
            publisher: nats.publisher(marks()),
            marks: marks(),
            status,
            copies: requests,
            clock: Arc::new(SystemClock),
            metrics: metrics.clone(),
            shutdown: stop_relay.clone(),
            flush_timeout: self.flush_timeout,
            consumer_check_interval: self.settings.stream.consumer_check,
            consumer_patience: self.settings.stream.consumer_patience,
        });
        Running {
            nats,
            metrics,
            status: seen,
            stop_relay,
            stop_nats,
            relay,
            _copies: copies,
        }
    }

    /// Records events: `count` for each of `users` new users, their events interleaved.
    pub(crate) async fn record(&self, users: u32, count: u32) {
        let users: Vec<Uuid> = (0..users).map(|_| id()).collect();
        for batch in (1..=count).collect::<Vec<_>>().chunks(50) {
            let rows: Vec<String> = batch
                .iter()
                .flat_map(|seq| users.iter().map(|user| self.row(Some(*user), *seq, &payload(*seq))))
                .collect();
            self.insert(&rows).await;
        }
    }

    /// Records one event without a user, with this payload.
    pub(crate) async fn record_payload(&self, payload: &str) {
        self.insert(&[self.row(None, 0, payload)]).await;
    }

    async fn insert(&self, rows: &[String]) {
        for rows in rows.chunks(500) {
            let sql = format!(
                "INSERT INTO events (id, subject, user_id, user_seq, schema_version, payload, occurred_at) VALUES {}",
                rows.join(",")
            );
            self.execute(&sql).await;
        }
    }

    fn row(&self, user: Option<Uuid>, seq: u32, payload: &str) -> String {
        let hex = |bytes: &[u8]| bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
        let (uuid, bytes): (fn(Uuid) -> String, _) = match self.database {
            Database::Sqlite(_) => (|id| format!("X'{}'", id.simple()), format!("X'{}'", hex(payload.as_bytes()))),
            Database::Postgres { .. } => (|id| format!("'{id}'"), format!("'\\x{}'", hex(payload.as_bytes()))),
        };
        let (user, user_seq) =
            user.map_or(("NULL".to_owned(), "NULL".to_owned()), |user| (uuid(user), seq.to_string()));
        let at = SystemClock.now().unix_timestamp_nanos() / 1_000_000;
        format!("({}, 'auth.user.logged_in', {user}, {user_seq}, 1, {bytes}, {at})", uuid(id()))
    }

    /// Runs one statement in the database.
    pub(crate) async fn execute(&self, sql: &str) {
        let sql = AssertSqlSafe(sql.to_owned());
        match &self.database {
            Database::Sqlite(file) => {
                let url = format!("sqlite://{}", file.display());
                let mut connection = SqliteConnection::connect(&url).await.expect("open the database");
                connection.execute(sql).await.expect("execute");
            }
            Database::Postgres { url, .. } => {
                let mut connection = PgConnection::connect(url).await.expect("connect to the database");
                connection.execute(sql).await.expect("execute");
            }
        }
    }

    /// Waits until everything is published.
    pub(crate) async fn drained(&self) {
        eventually(TIMEOUT, || async {
            match self.database.unpublished().await {
                Ok(0) => Ok(()),
                Ok(left) => Err(format!("{left} events are not published")),
                Err(error) => Err(error.to_string()),
            }
        })
        .await;
    }

    /// Waits until the ledger is drained, and checks that the stream holds exactly the events of
    /// the ledger.
    pub(crate) async fn assert_consistent(&self, nats: &NatsServer) -> Vec<StreamMessage> {
        self.assert_consistent_where(nats, |_| true).await
    }

    /// Like [`assert_consistent`](Self::assert_consistent), with a stream that takes only some
    /// events.
    pub(crate) async fn assert_consistent_where(
        &self,
        nats: &NatsServer,
        takes: impl Fn(&LedgerRow) -> bool,
    ) -> Vec<StreamMessage> {
        self.drained().await;
        let (ledger, messages) = (self.database.ledger().await.expect("read the ledger"), nats.messages(STREAM).await);
        assert_eq!(differences_where(&ledger, &messages, takes), Vec::<String>::new());
        messages
    }
}

impl Running {
    /// Waits until the stream accepts events.
    pub(crate) async fn ready(&self) {
        self.stream(|stream| matches!(stream, StreamState::Ok(_))).await;
    }

    /// Waits until the stream is in a state.
    pub(crate) async fn stream(&self, is: impl Fn(&StreamState) -> bool) -> StreamState {
        let mut status = self.nats.status();
        let seen = tokio::time::timeout(TIMEOUT, status.wait_for(|status| is(&status.stream))).await;
        seen.unwrap_or_else(|_| panic!("the stream is {:?}", self.nats.status().borrow().stream))
            .expect("the status")
            .stream
            .clone()
    }

    /// Returns the value of a metric without labels.
    pub(crate) fn metric(&self, name: &str) -> f64 {
        let text = self.metrics.render();
        let line = text.lines().find(|line| line.split(' ').next() == Some(name));
        let line = line.unwrap_or_else(|| panic!("no metric {name}"));
        line.rsplit(' ').next().and_then(|value| value.parse().ok()).expect("a number")
    }

    /// Stops the relay, which flushes, and then the connection.
    pub(crate) async fn stop(self) {
        self.stop_relay.cancel();
        self.relay.await.expect("the relay");
        self.stop_nats.cancel();
        self.nats.stopped().await;
    }

    /// Ends the relay at once, as if the process was killed between two statements.
    pub(crate) async fn kill(self) {
        self.relay.abort();
        let _ = self.relay.await;
        self.stop_relay.cancel();
        self.stop_nats.cancel();
        self.nats.stopped().await;
    }
}

/// Opens the store with these settings.
pub(crate) async fn open(settings: &Settings) -> Store {
    let profile = EventProfile {
        service: settings.events.service.clone(),
        environment: settings.events.environment.clone(),
        pii: Pii::Full,
        schema_base_url: watchword_events::schema::BASE_URL.to_owned(),
    };
    let random: Arc<dyn Random> = Arc::new(SystemRandom::default());
    Store::connect(&settings.database, &PathBuf::from(&settings.data_dir), profile, random)
        .await
        .expect("open the store")
}

/// Returns the marks of an installation.
pub(crate) fn marks() -> LedgerMarks {
    let secret = SecretKey::from_bytes(&std::array::from_fn::<u8, 32, _>(|at| 200 + u8::try_from(at).expect("small")));
    let secret = secret.expect("a key");
    LedgerMarks::new(&secret).expect("marks")
}

/// Returns a new id.
pub(crate) fn id() -> Uuid {
    let mut bytes = [0; 16];
    SystemRandom::default().fill(&mut bytes);
    uuid::Builder::from_random_bytes(bytes).into_uuid()
}

fn payload(seq: u32) -> String {
    format!(r#"{{"id":"{}","data":{{"userSeq":{seq},"filler":"{}"}}}}"#, id(), "x".repeat(300))
}
