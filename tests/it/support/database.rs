//! A new database for each test, and the ledger, read without the service's code.

use std::path::{Path, PathBuf};

use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{Connection, PgConnection, Row, SqliteConnection};
use tokio::sync::OnceCell;
use uuid::Uuid;
use watchword_migration::Migrator;

use super::postgres::Postgres;
use super::run_dir::scratch;

/// The database from which each test's database is copied.
const TEMPLATE: &str = "watchword_template";

/// The servers that a test runs on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Backend {
    /// The default: SQLite, with rate limits and the denylist in memory.
    Sqlite,
    /// PostgreSQL and Redis.
    Postgres,
}

/// The database of a test.
#[derive(Clone, Debug)]
pub(crate) enum Database {
    /// A SQLite file, which the service creates at its start.
    Sqlite(PathBuf),
    /// A database of a cluster.
    Postgres {
        /// The URL.
        url: String,
        /// The name, if the database is in the shared cluster and must be dropped.
        shared_name: Option<String>,
    },
}

/// A row of the ledger.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct LedgerRow {
    pub(crate) seq: i64,
    pub(crate) id: Uuid,
    /// As the event is published.
    pub(crate) subject: String,
    pub(crate) user_id: Option<Uuid>,
    pub(crate) user_seq: Option<i64>,
    pub(crate) payload: Vec<u8>,
    pub(crate) published: bool,
}

const LEDGER: &str = "SELECT seq, id, CASE WHEN custom_name IS NULL THEN subject ELSE subject || '.' || custom_name END \
     AS subject, user_id, user_seq, payload, \
     seq <= coalesce((SELECT seq FROM relay_position), 0) AS published FROM events ORDER BY seq";

/// The rows of both drivers have these columns, but no common trait.
macro_rules! ledger_rows {
    ($rows:expr) => {
        $rows
            .iter()
            .map(|row| {
                Ok(LedgerRow {
                    seq: row.try_get("seq")?,
                    id: row.try_get("id")?,
                    subject: row.try_get("subject")?,
                    user_id: row.try_get("user_id")?,
                    user_seq: row.try_get("user_seq")?,
                    payload: row.try_get("payload")?,
                    published: row.try_get("published")?,
                })
            })
            .collect()
    };
}

impl Database {
    /// Returns a new database: a file name in `data_dir`, or a copy of the migrated template.
    pub(crate) async fn fresh(backend: Backend, data_dir: &Path) -> Self {
        match backend {
            Backend::Sqlite => Self::Sqlite(data_dir.join("watchword.db")),
            Backend::Postgres => {
                let cluster = Postgres::shared().await;
                migrated_template(cluster).await;
                let name = format!("test_{}", data_dir.file_name().and_then(|name| name.to_str()).expect("a name"));
                cluster.create_database(&name, Some(TEMPLATE)).await;
                Self::Postgres { url: cluster.url(&name), shared_name: Some(name) }
            }
        }
    }

    /// Returns a copy, as a backup has it. The service must have stopped.
    pub(crate) async fn copy(&self, data_dir: &Path) -> Self {
        match self {
            Self::Sqlite(file) => {
                let copy = data_dir.join("watchword.db");
                // The log of the database may hold the last changes.
                let vacuum = sqlx::AssertSqlSafe(format!("VACUUM INTO '{}'", copy.display()));
                sqlx::query(vacuum)
                    .execute(&mut open(file).await.expect("open the database"))
                    .await
                    .expect("copy the database");
                Self::Sqlite(copy)
            }
            Self::Postgres { shared_name, .. } => {
                let cluster = Postgres::shared().await;
                let name = format!("test_{}", data_dir.file_name().and_then(|name| name.to_str()).expect("a name"));
                cluster.create_database(&name, shared_name.as_deref()).await;
                Self::Postgres { url: cluster.url(&name), shared_name: Some(name) }
            }
        }
    }

    /// Creates a PostgreSQL database without tables.
    pub(crate) async fn empty() -> Self {
        let cluster = Postgres::shared().await;
        let dir = scratch("empty");
        let name = dir.file_name().and_then(|name| name.to_str()).expect("a name");
        cluster.create_database(name, None).await;
        Self::Postgres { url: cluster.url(name), shared_name: Some(name.to_owned()) }
    }

    /// Returns the URL for the configuration, or `None` for SQLite.
    pub(crate) fn url(&self) -> Option<&str> {
        match self {
            Self::Sqlite(_) => None,
            Self::Postgres { url, .. } => Some(url),
        }
    }

    /// Returns every row of the ledger, in order.
    pub(crate) async fn ledger(&self) -> Result<Vec<LedgerRow>, sqlx::Error> {
        match self {
            Self::Sqlite(file) => {
                let mut connection = open(file).await?;
                ledger_rows!(sqlx::query(LEDGER).fetch_all(&mut connection).await?)
            }
            Self::Postgres { url, .. } => {
                let mut connection = PgConnection::connect(url).await?;
                ledger_rows!(sqlx::query(LEDGER).fetch_all(&mut connection).await?)
            }
        }
    }

    /// Returns the number of unpublished events.
    pub(crate) async fn unpublished(&self) -> Result<i64, sqlx::Error> {
        self.count("SELECT count(*) FROM events WHERE seq > coalesce((SELECT seq FROM relay_position), 0)")
            .await
    }

    /// Runs a query that returns one integer.
    pub(crate) async fn count(&self, sql: &'static str) -> Result<i64, sqlx::Error> {
        match self {
            Self::Sqlite(file) => sqlx::query_scalar(sql).fetch_one(&mut open(file).await?).await,
            Self::Postgres { url, .. } => {
                sqlx::query_scalar(sql).fetch_one(&mut PgConnection::connect(url).await?).await
            }
        }
    }

    /// Runs a statement over a separate connection, as an operator could.
    pub(crate) async fn execute(&self, sql: &'static str) -> Result<(), sqlx::Error> {
        match self {
            Self::Sqlite(file) => sqlx::query(sql).execute(&mut open(file).await?).await.map(drop),
            Self::Postgres { url, .. } => {
                sqlx::query(sql).execute(&mut PgConnection::connect(url).await?).await.map(drop)
            }
        }
    }

    /// Drops a database of the shared cluster. Errors are ignored: the cluster ends with the test
    /// process.
    pub(crate) async fn remove(&self) {
        if let Self::Postgres { shared_name: Some(name), .. } = self {
            drop(Postgres::shared().await.drop_database(name).await);
        }
    }
}

async fn open(file: &Path) -> Result<SqliteConnection, sqlx::Error> {
    let options = SqliteConnectOptions::new()
        .filename(file)
        .busy_timeout(std::time::Duration::from_secs(10));
    SqliteConnection::connect_with(&options).await
}

/// Migrates the template, once per test process.
async fn migrated_template(cluster: &Postgres) {
    static MIGRATED: OnceCell<()> = OnceCell::const_new();
    let migrate = || async {
        cluster.create_database(TEMPLATE, None).await;
        let database = sea_orm::Database::connect(cluster.url(TEMPLATE)).await.expect("connect to the template");
        Migrator::default().up(&database).await.expect("migrate the template");
        // A database with open connections cannot be copied.
        database.close().await.expect("disconnect from the template");
    };
    MIGRATED.get_or_init(migrate).await;
}
