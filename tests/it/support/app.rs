//! Runs the production application in the test's process, on real servers.

use std::future::Future;
use std::ops::Deref;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use secrecy::SecretString;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use watchword::app::{App, AppError, Environment};
use watchword::config::Settings;
use watchword::domain::clock::{Clock, SystemClock};
use watchword::domain::random::SystemRandom;
use watchword::store::Store;

use super::database::{Backend, Database, LedgerRow};
use super::http::{Http, Tokens};
use super::invariants::differences;
use super::names::short_name;
use super::nats::{NatsOptions, NatsServer, StreamMessage};
use super::proxy::Proxy;
use super::redis::RedisServer;
use super::run_dir::scratch;
use super::wait::{eventually, within};

/// How long the relay may take to publish the ledger when all servers run.
const DRAIN_TIMEOUT: Duration = Duration::from_secs(60);
/// How long the application may take to start or to stop.
const LIFECYCLE_TIMEOUT: Duration = Duration::from_secs(90);
/// The default password of the tests.
pub(crate) const PASSWORD: &str = "correct horse battery 7";
/// The secret key of all instances of a test: 32 random bytes in base64.
const SECRET_KEY: &str = "vKy3SynzFLR0Lm9CgBTKJ+ujg+uj4b8MsCDFC/YNt3Y=";

type Change = Box<dyn FnOnce(&mut Settings) + Send>;

/// The setup of a [`TestApp`].
pub(crate) struct Builder {
    backend: Backend,
    clock: Arc<dyn Clock>,
    nats: Option<NatsServer>,
    changes: Vec<Change>,
    hashes_as_shipped: bool,
}

impl Builder {
    /// Changes the settings, after the harness has set its own.
    pub(crate) fn settings(mut self, change: impl FnOnce(&mut Settings) + Send + 'static) -> Self {
        self.changes.push(Box::new(change));
        self
    }

    /// Uses this clock instead of the system clock.
    pub(crate) fn clock(mut self, clock: impl Clock) -> Self {
        self.clock = Arc::new(clock);
        self
    }

    /// Hashes passwords with the default parameters, for tests that compare the cost with other
    /// work.
    pub(crate) fn hashing_as_shipped(mut self) -> Self {
        self.hashes_as_shipped = true;
        self
    }

    /// Uses this NATS server, which may not run yet.
    pub(crate) fn nats(mut self, nats: NatsServer) -> Self {
        self.nats = Some(nats);
        self
    }

    /// Starts the servers and the application.
    pub(crate) async fn spawn(self) -> TestApp {
        let data_dir = scratch("app");
        let database = Database::fresh(self.backend, &data_dir).await;
        let redis = match self.backend {
            Backend::Sqlite => None,
            Backend::Postgres => Some(RedisServer::start().await),
        };
        let nats = match self.nats {
            Some(nats) => nats,
            None => NatsServer::start_with(NatsOptions::default()).await,
        };
        let mut settings = settings(data_dir, &database, redis.as_ref(), &nats);
        for change in self.changes {
            change(&mut settings);
        }
        settings.validate().expect("valid settings");
        if !self.hashes_as_shipped {
            // Cheaper than the settings allow: most tests only need a password to be right or
            // wrong.
            settings.passwords.argon2_memory_kib = 64;
            settings.passwords.argon2_iterations = 1;
        }
        let instance = Instance::start(settings, self.clock).await.expect("start the application");
        TestApp { instance, nats, redis, database, finished: false }
    }
}

/// Returns the settings of one instance on these servers. Other settings keep their defaults.
fn settings(data_dir: PathBuf, database: &Database, redis: Option<&RedisServer>, nats: &NatsServer) -> Settings {
    // The developer's environment variables do not affect the tests.
    let mut settings = Settings::load_from(None, []).expect("the defaults");
    settings.data_dir = data_dir;
    settings.secret_key = Some(SecretString::from(SECRET_KEY));
    settings.http.host = std::net::Ipv4Addr::LOCALHOST.into();
    settings.http.port = 0;
    settings.metrics.listen = ([127, 0, 0, 1], 0).into();
    settings.database.url = database.url().map(SecretString::from);
    settings.redis.url = redis.map(|redis| SecretString::from(redis.url()));
    settings.nats.url = Some(SecretString::from(nats.url()));
    // Other tests may keep the machine busy. A full hashing pool has its own tests.
    settings.passwords.max_wait = Duration::from_secs(8);
    settings.oauth.clients = vec![super::oauth::client()];
    // All tests use one IP address. The rate limits have their own tests.
    settings.limits.enabled = false;
    settings
}

/// One running instance of the application.
pub(crate) struct Instance {
    http: Http,
    port: u16,
    metrics: Option<Http>,
    settings: Settings,
    /// `None` after the stop. Only one store can use a SQLite file.
    store: Option<Store>,
    stop: CancellationToken,
    run: Option<JoinHandle<Result<(), AppError>>>,
}

impl Instance {
    /// Builds and runs the application, and waits until it is ready.
    pub(crate) async fn start(settings: Settings, clock: Arc<dyn Clock>) -> Result<Self, AppError> {
        let environment = Environment { clock, random: Arc::new(SystemRandom::default()) };
        let app = App::build_with(settings.clone(), environment).await?;
        let (port, metrics) = (app.port(), app.metrics_addr().map(|address| Http::new(address.port())));
        let store = Some(app.store());
        let stop = CancellationToken::new();
        let run = tokio::spawn(app.run_until_stopped(stop.clone()));
        let instance = Self {
            http: Http::new(port),
            port,
            metrics,
            settings,
            store,
            stop,
            run: Some(run),
        };
        let ready = format!("{}/readyz", instance.settings.http.base_path.trim_end_matches('/'));
        eventually(LIFECYCLE_TIMEOUT, || async {
            match instance.http.try_send(instance.http.request(reqwest::Method::GET, &ready)).await {
                Ok(answer) if answer.status == 200 => Ok(()),
                Ok(answer) => Err(format!("{} {}", answer.status, answer.text)),
                Err(error) => Err(error.to_string()),
            }
        })
        .await;
        Ok(instance)
    }

    /// Returns a client of this instance, without a borrow.
    pub(crate) fn http(&self) -> Http {
        self.http.clone()
    }

    /// Returns the instance's store, to inspect the database.
    pub(crate) fn store(&self) -> &Store {
        self.store.as_ref().expect("a running instance")
    }

    /// Returns the port of the API.
    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    /// Returns the settings of the instance.
    pub(crate) fn settings(&self) -> &Settings {
        &self.settings
    }

    /// Returns the metrics page.
    pub(crate) async fn metrics(&self) -> String {
        self.metrics.as_ref().expect("metrics are on").get("/metrics").await.text
    }

    /// Returns the sum of a metric over all series whose labels contain `labels`, or 0 without any.
    pub(crate) async fn metric(&self, name: &str, labels: &str) -> f64 {
        let page = self.metrics().await;
        let samples = page.lines().filter_map(|line| {
            let rest = line.strip_prefix(name)?;
            let (at, value) = rest.rsplit_once(' ')?;
            ((at.is_empty() || at.starts_with('{')) && at.contains(labels)).then(|| value.parse::<f64>().ok())?
        });
        samples.sum()
    }

    /// Stops the instance as SIGTERM does, and returns its result.
    pub(crate) async fn stop(&mut self) -> Result<(), AppError> {
        self.stop.cancel();
        self.store = None;
        let Some(run) = self.run.take() else { return Ok(()) };
        tokio::time::timeout(LIFECYCLE_TIMEOUT, run)
            .await
            .expect("stop in time")
            .expect("the application panicked")
    }
}

impl Deref for Instance {
    type Target = Http;

    fn deref(&self) -> &Http {
        &self.http
    }
}

impl Drop for Instance {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

/// An instance with its own servers. End it with [`TestApp::finish`].
pub(crate) struct TestApp {
    // Before the servers, so that it stops first.
    instance: Instance,
    pub(crate) nats: NatsServer,
    pub(crate) redis: Option<RedisServer>,
    pub(crate) database: Database,
    finished: bool,
}

impl TestApp {
    /// Starts an application with default settings.
    pub(crate) async fn spawn(backend: Backend) -> Self {
        Self::builder(backend).spawn().await
    }

    /// Starts an application that reaches NATS through a proxy.
    pub(crate) async fn behind_proxy(backend: Backend) -> (Self, Proxy) {
        let nats = NatsServer::start().await;
        let proxy = Proxy::to(nats.port()).await;
        let url = format!("nats://127.0.0.1:{}", proxy.port());
        let builder = Self::builder(backend).nats(nats);
        let builder = builder.settings(move |settings| settings.nats.url = Some(SecretString::from(url)));
        (builder.spawn().await, proxy)
    }

    /// Returns a builder for an application with other settings.
    pub(crate) fn builder(backend: Backend) -> Builder {
        Builder {
            backend,
            clock: Arc::new(SystemClock),
            nats: None,
            changes: Vec::new(),
            hashes_as_shipped: false,
        }
    }

    /// Starts a second instance on the same servers, with its own data directory. PostgreSQL only.
    pub(crate) async fn second_instance(&self, clock: impl Clock) -> Instance {
        let mut settings = self.settings().clone();
        settings.data_dir = scratch("app");
        Instance::start(settings, Arc::new(clock)).await.expect("start a second instance")
    }

    /// Stops the instance, and starts another one with the same data.
    pub(crate) async fn restart(&mut self, clock: impl Clock) {
        self.instance.stop().await.expect("stop the application");
        let settings = self.settings().clone();
        self.instance = Instance::start(settings, Arc::new(clock)).await.expect("start the application again");
    }

    /// Start an instance with changed settings on the same data in place of this one. Return the old
    /// one, which still runs.
    pub(crate) async fn replace(&mut self, change: impl FnOnce(&mut Settings), clock: impl Clock) -> Instance {
        let mut settings = self.settings().clone();
        settings.data_dir = scratch("app");
        change(&mut settings);
        let new = Instance::start(settings, Arc::new(clock)).await.expect("start the new instance");
        std::mem::replace(&mut self.instance, new)
    }

    /// Registers an account with the default password, and returns the response (201).
    #[track_caller]
    pub(crate) fn registered(&self, email: &str) -> impl Future<Output = super::http::Answer> {
        let (http, email) = (self.instance.http.clone(), email.to_owned());
        let caller = std::panic::Location::caller();
        async move {
            let answer = http.register(&email, PASSWORD).await;
            assert_eq!(answer.status, 201, "{caller}: {}", answer.text);
            answer
        }
    }

    /// Returns the tokens of an administrator: registers an account, and gives it the role in the
    /// database.
    pub(crate) async fn admin(&self) -> Tokens {
        self.registered("root@example.com").await;
        let promote = "UPDATE users SET roles = 'user admin' WHERE email = 'root@example.com'";
        self.database.execute(promote).await.expect("make an administrator");
        // Log in again: no session cache has the new session.
        self.login("root@example.com", PASSWORD).await.expect_status(200).tokens()
    }

    /// Waits until every event of the ledger is published.
    #[track_caller]
    pub(crate) fn ledger_drained(&self) -> impl Future<Output = ()> {
        eventually(DRAIN_TIMEOUT, || async {
            match self.database.unpublished().await {
                Ok(0) => Ok(()),
                Ok(waiting) => Err(format!("{waiting} events of the ledger are unpublished")),
                Err(error) => Err(error.to_string()),
            }
        })
    }

    /// Returns every row of the ledger.
    pub(crate) async fn ledger(&self) -> Vec<LedgerRow> {
        self.database.ledger().await.expect("read the ledger")
    }

    /// Returns every message of the stream, after the ledger is drained.
    pub(crate) async fn events(&self) -> Vec<StreamMessage> {
        self.ledger_drained().await;
        self.nats.messages(&self.settings().stream.name).await
    }

    /// Returns the names of the events in the stream, after the ledger is drained.
    pub(crate) async fn event_names(&self) -> Vec<String> {
        let short = |message: StreamMessage| short_name(&message.subject);
        self.events().await.into_iter().map(short).collect()
    }

    /// The number of recorded logins that failed.
    pub(crate) async fn failed_logins(&self) -> i64 {
        let failed = "SELECT count(*) FROM events WHERE subject = 'auth.user.login_failed'";
        self.database.count(failed).await.expect("a count")
    }

    /// Waits until the ledger is drained, and the stream holds exactly its events, each user's in
    /// order. It waits because the check reads the ledger and the stream one after the other.
    pub(crate) async fn assert_consistent(&self) {
        self.ledger_drained().await;
        let check = within(DRAIN_TIMEOUT, || async {
            let ledger = self.ledger().await;
            let found = differences(&ledger, &self.nats.messages(&self.settings().stream.name).await);
            if found.is_empty() {
                Ok(())
            } else {
                Err(found.join("\n"))
            }
        });
        if let Err(found) = check.await {
            panic!("the ledger and the stream differ:\n{found}");
        }
    }

    /// Checks [`TestApp::assert_consistent`], stops the application, and drops the database.
    pub(crate) async fn finish(mut self) {
        self.assert_consistent().await;
        self.close().await;
    }

    /// Ends without the checks, for tests that break the stream on purpose.
    pub(crate) async fn abandon(mut self) {
        self.close().await;
    }

    async fn close(&mut self) {
        self.finished = true;
        self.instance.stop().await.expect("stop the application");
        self.database.remove().await;
    }
}

impl Deref for TestApp {
    type Target = Instance;

    fn deref(&self) -> &Instance {
        &self.instance
    }
}

impl Drop for TestApp {
    fn drop(&mut self) {
        if !self.finished && !std::thread::panicking() {
            panic!("end a TestApp with finish(), which checks that its ledger is drained, or with abandon()");
        }
    }
}
