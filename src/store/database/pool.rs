//! `PostgreSQL` connections that are kept between uses.
//!
//! sqlx's own pool asks the server for a sign of life each time a connection comes back, one more round trip for every statement
//! outside a transaction and for every transaction. And it takes back connections of which it does not know what a dropped query
//! left on them. Here a connection is kept only when it is known to be at rest (`docs/adr/0018`).

use std::time::Duration;

use deadpool::Runtime;
use deadpool::managed::{self, Metrics, PoolError, QueueMode, RecycleError, RecycleResult, Timeouts};
use sea_orm::{ConnAcquireErr, DatabaseConnection, DbErr, RuntimeErr, SqlxPostgresConnector};
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use sqlx::{Connection as _, PgConnection};

use super::lease::{Lease, Session};

/// A connection that has not been used for so long is asked whether it still works before it is used again.
const ASK_AFTER: Duration = Duration::from_secs(1);
/// Connections are replaced in time, so that a new member of a cluster or a new password is found without a restart.
const OLDEST: Duration = Duration::from_secs(1800);

/// The connections.
pub(in crate::store) struct Pool(managed::Pool<Manager>);

/// How connections are made, and judged before they are used again.
pub(super) struct Manager(PgConnectOptions);

impl Pool {
    pub(super) fn new(options: PgConnectOptions, most: u32, acquire: Duration) -> Result<Self, DbErr> {
        let pool = managed::Pool::builder(Manager(options))
            .max_size(usize::try_from(most).unwrap_or(usize::MAX))
            .timeouts(Timeouts {
                wait: Some(acquire),
                create: Some(acquire),
                recycle: Some(acquire),
            })
            // The one used last is the one in the caches of both sides.
            .queue_mode(QueueMode::Lifo)
            .runtime(Runtime::Tokio1)
            .build();
        pool.map(Self)
            .map_err(|error| DbErr::Conn(RuntimeErr::Internal(error.to_string())))
    }

    /// A connection of one's own, until it is dropped.
    pub(super) async fn lease(&self) -> Result<Lease, DbErr> {
        self.0.get().await.map(Lease::new).map_err(|error| match error {
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

    /// Gives no connections any more, and closes those that come back.
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
        if metrics.age() > OLDEST {
            return Err(RecycleError::message("old"));
        }
        if metrics.last_used() > ASK_AFTER {
            session.ping().await?;
        }
        Ok(())
    }
}
