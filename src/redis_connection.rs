//! The connection to Redis, which rate limits and the denylist share. It opens on first use, and
//! again when it is lost or has become silent: TCP notices only after a quarter of an hour that the
//! other host has vanished, and never if something between still answers for it.

use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use futures_util::future::FutureExt as _;
use redis::aio::{ConnectionLike, ConnectionManager, ConnectionManagerConfig};
use redis::{Client, Cmd, Pipeline, RedisFuture, RedisResult, Value};
use tokio::time::Instant;

/// A connection that is younger is kept though a command had no answer in time, so that a slow
/// server does not get a new one for every command.
const MIN_AGE: Duration = Duration::from_secs(2);

/// Cheap to clone.
#[derive(Clone)]
pub struct RedisConnection(Arc<Shared>);

struct Shared {
    client: Client,
    config: ConnectionManagerConfig,
    current: RwLock<Opened>,
}

#[derive(Clone)]
struct Opened {
    manager: ConnectionManager,
    at: Instant,
}

impl RedisConnection {
    /// Set a connection up. Opening it and each answer may take at most `timeout`.
    ///
    /// # Errors
    /// When `url` is not an address.
    pub fn new(url: &str, timeout: Duration) -> RedisResult<Self> {
        let client = Client::open(url)?;
        let config = ConnectionManagerConfig::new()
            .set_connection_timeout(Some(timeout))
            .set_response_timeout(Some(timeout))
            .set_number_of_retries(1);
        let current = RwLock::new(Opened::new(&client, &config)?);
        Ok(Self(Arc::new(Shared { client, config, current })))
    }

    fn current(&self) -> Opened {
        self.0.current.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Use another connection from now on if this one did not answer.
    fn check<T>(&self, used: &Opened, result: &RedisResult<T>) {
        let is_silent = result.as_ref().is_err_and(redis::RedisError::is_timeout);
        if !is_silent || used.at.elapsed() < MIN_AGE {
            return;
        }
        let mut current = self.0.current.write().unwrap_or_else(PoisonError::into_inner);
        if current.at == used.at
            && let Ok(opened) = Opened::new(&self.0.client, &self.0.config)
        {
            *current = opened;
        }
    }
}

impl Opened {
    fn new(client: &Client, config: &ConnectionManagerConfig) -> RedisResult<Self> {
        let manager = ConnectionManager::new_lazy_with_config(client.clone(), config.clone())?;
        Ok(Self { manager, at: Instant::now() })
    }
}

impl ConnectionLike for RedisConnection {
    fn req_packed_command<'a>(&'a mut self, cmd: &'a Cmd) -> RedisFuture<'a, Value> {
        async move {
            let mut used = self.current();
            let result = used.manager.req_packed_command(cmd).await;
            self.check(&used, &result);
            result
        }
        .boxed()
    }

    fn req_packed_commands<'a>(
        &'a mut self,
        pipeline: &'a Pipeline,
        offset: usize,
        count: usize,
    ) -> RedisFuture<'a, Vec<Value>> {
        async move {
            let mut used = self.current();
            let result = used.manager.req_packed_commands(pipeline, offset, count).await;
            self.check(&used, &result);
            result
        }
        .boxed()
    }

    fn get_db(&self) -> i64 {
        self.current().manager.get_db()
    }
}
