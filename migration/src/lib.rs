//! Database migrations of the Watchword auth service.
//!
//! A migration is a folder `mNNNN_name/` with plain SQL for each database, so that a reviewer reads
//! the statements that run. Times are whole milliseconds since the Unix epoch in `BIGINT`: one
//! representation, one comparison and one index on both databases. During a rolling update two
//! versions of the service run side by side: a release adds columns, and a later release removes
//! the old ones.

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
static MIGRATIONS: &[Migration] = &[migration!("m0001_initial")];

impl Migration {
    fn up(&self, backend: DbBackend) -> Result<&'static str, DbErr> {
        match backend {
            DbBackend::Postgres => Ok(self.postgres),
            DbBackend::Sqlite => Ok(self.sqlite),
            other => Err(DbErr::Migration(format!("{other:?} is not supported: use PostgreSQL or SQLite"))),
        }
    }
}
