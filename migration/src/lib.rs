//! Database migrations of the Watchword auth service.
//!
//! A migration is a folder `mNNNN_name/` with plain SQL for each database, so that a reviewer reads
//! the statements that run. Times are whole milliseconds since the Unix epoch in `BIGINT`: one
//! representation, one comparison and one index on both databases. During a rolling update two
//! versions of the service run side by side: a release adds columns, and a later release removes
//! the old ones.
//! side by side during a rolling update: a release adds, and a later one removes.

mod migrator;

use sea_orm::{DbBackend, DbErr};

pub use migrator::Migrator;

/// A migration, as SQL texts.
#[derive(Debug)]
pub struct Migration {
    name: &'static str,
    postgres: &'static str,
    sqlite: &'static str,
    down: &'static str,
}

/// Defines the migration in the folder of this name.
macro_rules! migration {
    ($name:literal) => {
        Migration {
            name: $name,
            postgres: include_str!(concat!($name, "/postgres.up.sql")),
            sqlite: include_str!(concat!($name, "/sqlite.up.sql")),
            down: include_str!(concat!($name, "/down.sql")),
        }
    };
}

/// Oldest first.
static MIGRATIONS: &[Migration] = &[
    migration!("m0001_accounts"),
    migration!("m0002_ledger_queries"),
    migration!("m0003_replays"),
    migration!("m0004_people"),
    migration!("m0005_mail"),
    migration!("m0006_idempotency"),
    migration!("m0007_second_factor"),
    migration!("m0008_signing_algorithms"),
    migration!("m0009_session_amr"),
    migration!("m0010_custom_events"),
    migration!("m0011_ledger_order"),
];

impl Migration {
    fn up(&self, backend: DbBackend) -> Result<&'static str, DbErr> {
        match backend {
            DbBackend::Postgres => Ok(self.postgres),
            DbBackend::Sqlite => Ok(self.sqlite),
            other => Err(DbErr::Migration(format!("{other:?} is not supported: use PostgreSQL or SQLite"))),
        }
    }
}
