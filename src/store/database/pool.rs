//! The pool of `PostgreSQL` connections.
//!
//! sqlx's own pool pings the server each time a connection is returned: one more round trip for
//! every transaction and for every statement outside of one. It also keeps connections on which a
//! dropped query may have left a response. This pool keeps a connection only when it is known to be
//! at rest (`docs/adr/0018`), and its waits have bounds on this side (`docs/adr/0040`).

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use deadpool::Runtime;
use deadpool::managed::{self, Metrics, Object, PoolError, QueueMode, RecycleError, RecycleResult};
use sea_orm::{ConnAcquireErr, DatabaseConnection, DbErr, RuntimeErr, SqlxPostgresConnector};
use sqlx::postgres::PgPoolOptions;
use tokio::time::timeout;

use super::server::{Server, prepare_for_migrations};
use super::session::{Session, State};

/// A connection that was idle for longer is checked before it is used again.
const MAX_UNCHECKED_IDLE: Duration = Duration::from_secs(1);
/// The longest check. It takes at most half of the wait for a connection, so that another one can
/// be opened in the rest.
const MAX_CHECK_TIMEOUT: Duration = Duration::from_secs(1);
/// Connections are replaced, so that a new member of a cluster is used without a restart.
const MAX_AGE: Duration = Duration::from_secs(1800);

pub(in crate::store) struct Pool {
    connections: managed::Pool<Manager>,
    acquire_timeout: Duration,
}

/// Creates connections, and checks them before they are used again.
pub(super) struct Manager {
    server: Server,
    check_timeout: Duration,
    started: Instant,
    /// When the server was found lost, in microseconds after `started`.
    doubted: AtomicU64,
}

impl Pool {
    pub(super) fn new(server: Server, max: u32, acquire_timeout: Duration) -> Result<Self, DbErr> {
        let manager = Manager {
            server,
            check_timeout: MAX_CHECK_TIMEOUT.min(acquire_timeout / 2),
            started: Instant::now(),
            doubted: AtomicU64::new(0),
        };
        let connections = managed::Pool::builder(manager)
            .max_size(usize::try_from(max).unwrap_or(usize::MAX))
            // The connection used last is the one in the caches of both sides.
            .queue_mode(QueueMode::Lifo)
            .runtime(Runtime::Tokio1)
            .build()
            .map_err(|error| DbErr::Conn(RuntimeErr::Internal(error.to_string())))?;
        Ok(Self { connections, acquire_timeout })
    }

    /// Whether a connection is free, or may be opened, now or within `wait`.
    pub(super) async fn is_free_within(&self, wait: Duration) -> bool {
        let status = self.connections.status();
        let is_exhausted = status.available == 0 && status.size >= status.max_size;
        !is_exhausted || timeout(wait, self.connections.get()).await.is_ok()
    }

    /// Take a connection. One bound surrounds the whole wait: for a free one, for the checks of
    /// those that turn out to be dead, and for a new one.
    pub(super) async fn get(&self) -> Result<Object<Manager>, DbErr> {
        match timeout(self.acquire_timeout, self.connections.get()).await {
            Ok(Ok(object)) => Ok(object),
            Err(_) | Ok(Err(PoolError::Timeout(_))) => Err(DbErr::ConnectionAcquire(ConnAcquireErr::Timeout)),
            Ok(Err(PoolError::Backend(error))) => Err(DbErr::Conn(RuntimeErr::SqlxError(error.into()))),
            Ok(Err(PoolError::Closed)) => Err(DbErr::ConnectionAcquire(ConnAcquireErr::ConnectionClosed)),
            Ok(Err(other)) => Err(DbErr::Conn(RuntimeErr::Internal(other.to_string()))),
        }
    }

    /// One connection without limits of time: the steps of migrations have their own.
    pub(super) fn plain(&self) -> DatabaseConnection {
        let options = self.connections.manager().server.options().clone();
        let pool = PgPoolOptions::new()
            .max_connections(1)
            .after_connect(|connection, _| Box::pin(prepare_for_migrations(connection)));
        SqlxPostgresConnector::from_sqlx_postgres_pool(pool.connect_lazy_with(options))
    }

    /// Refuse new leases, and close the connections that are returned.
    pub(super) fn close(&self) {
        self.connections.close();
    }
}

impl Manager {
    /// Use no connection again that was last used before now: its server is probably lost as well.
    pub(super) fn doubt(&self) {
        self.doubted.fetch_max(self.at(Instant::now()), Ordering::Relaxed);
    }

    fn at(&self, moment: Instant) -> u64 {
        u64::try_from(moment.saturating_duration_since(self.started).as_micros()).unwrap_or(u64::MAX)
    }
}

impl managed::Manager for Manager {
    type Type = Session;
    type Error = sqlx::Error;

    async fn create(&self) -> Result<Session, sqlx::Error> {
        self.server.connect().await
    }

    async fn recycle(&self, session: &mut Session, metrics: &Metrics) -> RecycleResult<sqlx::Error> {
        if metrics.age() > MAX_AGE {
            return Err(RecycleError::message("old"));
        }
        let used = metrics.recycled.unwrap_or(metrics.created);
        if self.at(used) < self.doubted.load(Ordering::Relaxed) {
            return Err(RecycleError::message("its server is lost"));
        }
        if metrics.last_used() > MAX_UNCHECKED_IDLE
            && let Err(error) = session.check(self.check_timeout).await
        {
            if session.state() == State::Lost {
                self.doubt();
            }
            tracing::debug!(%error, "connection to the database closed");
            return Err(error.into());
        }
        Ok(())
    }
}
