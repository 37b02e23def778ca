//! The pool of `PostgreSQL` connections.
//!
//! sqlx's own pool pings the server each time a connection is returned: one more round trip for
//! every transaction and for every statement outside of one. It also keeps connections on which a
//! dropped query may have left a response. This pool keeps a connection only when it is known to be
//! at rest (`docs/adr/0018`).

use std::time::Duration;

use deadpool::Runtime;
use deadpool::managed::{self, Metrics, Object, PoolError, QueueMode, RecycleError, RecycleResult, Timeouts};
use sea_orm::{ConnAcquireErr, DatabaseConnection, DbErr, RuntimeErr, SqlxPostgresConnector};
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use sqlx::{Connection as _, PgConnection};

use super::session::Session;

/// A connection that was idle for longer is pinged before it is used again.
const MAX_UNCHECKED_IDLE: Duration = Duration::from_secs(1);
/// Connections are replaced, so that a new member of a cluster or a new password is used without a
/// restart.
const MAX_AGE: Duration = Duration::from_secs(1800);

pub(in crate::store) struct Pool(managed::Pool<Manager>);

/// Creates connections, and checks them before they are used again.
pub(super) struct Manager(PgConnectOptions);

impl Pool {
    pub(super) fn new(options: PgConnectOptions, max: u32, acquire_timeout: Duration) -> Result<Self, DbErr> {
        let pool = managed::Pool::builder(Manager(options))
            .max_size(usize::try_from(max).unwrap_or(usize::MAX))
            .timeouts(Timeouts {
                wait: Some(acquire_timeout),
                create: Some(acquire_timeout),
                recycle: Some(acquire_timeout),
            })
            // The connection used last is the one in the caches of both sides.
            .queue_mode(QueueMode::Lifo)
            .runtime(Runtime::Tokio1)
            .build();
        pool.map(Self).map_err(|error| DbErr::Conn(RuntimeErr::Internal(error.to_string())))
    }

    pub(super) async fn get(&self) -> Result<Object<Manager>, DbErr> {
        self.0.get().await.map_err(|error| match error {
            PoolError::Backend(error) => DbErr::Conn(RuntimeErr::SqlxError(error.into())),
            PoolError::Timeout(_) => DbErr::ConnectionAcquire(ConnAcquireErr::Timeout),
            PoolError::Closed => DbErr::ConnectionAcquire(ConnAcquireErr::ConnectionClosed),
            other => DbErr::Conn(RuntimeErr::Internal(other.to_string())),
        })
    }

    pub(super) fn for_migrations(&self) -> DatabaseConnection {
        let options = self.0.manager().0.clone();
        SqlxPostgresConnector::from_sqlx_postgres_pool(
            PgPoolOptions::new().max_connections(2).connect_lazy_with(options),
        )
    }

    /// Refuse new leases, and close the connections that are returned.
    pub(super) fn close(&self) {
        self.0.close();
    }
}

impl managed::Manager for Manager {
    type Type = Session;
    type Error = sqlx::Error;

    async fn create(&self) -> Result<Session, sqlx::Error> {
        Ok(Session::new(PgConnection::connect_with(&self.0).await?))
    }

    async fn recycle(&self, session: &mut Session, metrics: &Metrics) -> RecycleResult<sqlx::Error> {
        if metrics.age() > MAX_AGE {
            return Err(RecycleError::message("old"));
        }
        if metrics.last_used() > MAX_UNCHECKED_IDLE {
            session.ping().await?;
        }
        Ok(())
    }
}
