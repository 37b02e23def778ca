//! The connection to Redis, which rate limits and the denylist share, behind a breaker: the first
//! command that fails or has no answer in time opens it. From then on every command is refused at
//! once, and its caller does without Redis, while a task connects again in the background. So no
//! request waits for a Redis that is away, but the few that find out (ADR 0047).

mod outage;
mod probe;
mod problem;

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Weak};
use std::time::Duration;

use redis::aio::MultiplexedConnection;
use redis::{AsyncConnectionConfig, Client, RedisResult};
use secrecy::{ExposeSecret as _, SecretString};
use tokio::sync::watch;
use tokio::time::{sleep, timeout};

use self::outage::Outage;
pub use self::problem::RedisProblem;

/// How every key begins. The braces put all keys into one slot of a cluster, so that one script may
/// name several.
pub const KEY_PREFIX: &str = "{watchword}:";

/// The longest wait for a new connection, which no request waits for.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(1);
/// The wait between two attempts to connect, doubled from the first to the second.
const MIN_RETRY_INTERVAL: Duration = Duration::from_millis(50);
const MAX_RETRY_INTERVAL: Duration = Duration::from_secs(1);

/// Cheap to clone.
#[derive(Clone)]
pub struct RedisConnection(Arc<Shared>);

/// Redis is away. The log says why.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("redis is away")]
pub struct RedisAway;

struct Shared {
    client: Client,
    /// The longest wait for one answer.
    timeout: Duration,
    /// None while the breaker is open.
    current: watch::Sender<Option<Opened>>,
    opened: AtomicU64,
    outage: Outage,
}

#[derive(Clone)]
struct Opened {
    connection: MultiplexedConnection,
    number: u64,
}

impl RedisConnection {
    /// Connect. A command may take at most `timeout`. A Redis that cannot be reached now is tried
    /// again in the background.
    ///
    /// # Errors
    /// When `url` is not an address, or leads to a server that can never serve: a Sentinel, or a
    /// shard of a cluster that does not have the keys.
    pub async fn open(url: &str, timeout: Duration) -> Result<Self, RedisProblem> {
        let connection = Self(Arc::new(Shared {
            client: Client::open(url)?,
            timeout,
            current: watch::Sender::new(None),
            opened: AtomicU64::new(0),
            outage: Outage::default(),
        }));
        match connection.0.connect().await {
            Ok(opened) => connection.0.close_breaker(opened),
            Err(problem) if problem.is_final() => return Err(problem),
            Err(problem) => {
                connection.0.outage.begin(&problem);
                connection.connect_in_background();
            }
        }
        Ok(connection)
    }

    /// Check the address.
    ///
    /// # Errors
    /// When `url` is not an address.
    pub fn check_url(url: &SecretString) -> Result<(), RedisProblem> {
        Client::open(url.expose_secret())?;
        Ok(())
    }

    /// Connect once, and see whether the server does what the service needs. Return the address
    /// without its credentials.
    ///
    /// # Errors
    /// The address, and what is wrong.
    pub async fn check(url: &SecretString, timeout: Duration) -> Result<String, (String, RedisProblem)> {
        let client = Client::open(url.expose_secret()).map_err(|error| ("redis.url".to_owned(), error.into()))?;
        let address = client.get_connection_info().addr().to_string();
        let shared = Shared {
            client,
            timeout,
            current: watch::Sender::new(None),
            opened: AtomicU64::new(0),
            outage: Outage::default(),
        };
        match shared.connect().await {
            Ok(_) => Ok(address),
            Err(problem) => Err((address, problem)),
        }
    }

    /// Run commands, unless Redis is away.
    ///
    /// # Errors
    /// [`RedisAway`]: the caller does without.
    pub async fn run<T, F>(&self, commands: impl FnOnce(MultiplexedConnection) -> F) -> Result<T, RedisAway>
    where
        F: Future<Output = RedisResult<T>>,
    {
        let mut current = self.0.current.subscribe();
        let Some(Opened { connection, number }) = current.borrow_and_update().clone() else {
            self.0.outage.count();
            return Err(RedisAway);
        };
        let problem = tokio::select! {
            biased;
            answer = timeout(self.0.timeout, commands(connection)) => match answer {
                Ok(Ok(value)) => return Ok(value),
                Ok(Err(error)) => RedisProblem::from(error),
                Err(_) => RedisProblem::Silent(self.0.timeout),
            },
            // Another command has found out.
            _ = current.changed() => {
                self.0.outage.count();
                return Err(RedisAway);
            }
        };
        self.open_breaker(number, &problem);
        Err(RedisAway)
    }

    /// Open the breaker, unless the connection that failed has been replaced.
    fn open_breaker(&self, failed: u64, problem: &RedisProblem) {
        let is_first = self.0.current.send_if_modified(|current| {
            let is_current = current.as_ref().is_some_and(|opened| opened.number == failed);
            if is_current {
                *current = None;
            }
            is_current
        });
        if is_first {
            self.0.outage.begin(problem);
            self.connect_in_background();
        }
        self.0.outage.count();
    }

    fn connect_in_background(&self) {
        tokio::spawn(connect_again(Arc::downgrade(&self.0)));
    }
}

/// Connect until it succeeds, or the last user of the connection is gone.
async fn connect_again(shared: Weak<Shared>) {
    let mut interval = MIN_RETRY_INTERVAL;
    loop {
        let Some(shared) = shared.upgrade() else { return };
        match shared.connect().await {
            Ok(opened) => return shared.close_breaker(opened),
            Err(problem) => shared.outage.report(&problem),
        }
        drop(shared);
        sleep(interval).await;
        interval = (interval * 2).min(MAX_RETRY_INTERVAL);
    }
}

impl Shared {
    /// Open a connection, and see that it does what the service needs: within the time that a
    /// command has, so that a slow server does not get commands and lose them in turns.
    async fn connect(&self) -> Result<MultiplexedConnection, RedisProblem> {
        let config = AsyncConnectionConfig::new()
            .set_connection_timeout(Some(CONNECT_TIMEOUT))
            // Commands have the timeout of `run`, for all their round trips.
            .set_response_timeout(None);
        let connecting = async {
            let connection = self.client.get_multiplexed_async_connection_with_config(&config).await?;
            probe::check_server(&mut connection.clone(), &self.outage).await?;
            Ok::<_, RedisProblem>(connection)
        };
        let silent = |waited| move |_| RedisProblem::Silent(waited);
        let connection = timeout(CONNECT_TIMEOUT, connecting).await.map_err(silent(CONNECT_TIMEOUT))??;
        let writing = probe::write(connection.clone());
        timeout(self.timeout, writing).await.map_err(silent(self.timeout))??;
        Ok(connection)
    }

    fn close_breaker(&self, connection: MultiplexedConnection) {
        let number = self.opened.fetch_add(1, Ordering::Relaxed);
        self.outage.end();
        self.current.send_replace(Some(Opened { connection, number }));
    }
}
