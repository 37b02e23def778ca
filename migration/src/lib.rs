//! Database migrations of the Watchword auth service.
//!
//! A migration is a folder `mNNNN_name/` with plain SQL for each database, so that a reviewer reads
//! the statements that run. Times are whole milliseconds since the Unix epoch in `BIGINT`: one
//! representation, one comparison and one index on both databases. During a rolling update two
//! versions of the service run side by side: a release adds columns, and a later release removes
//! the old ones.
//!
//! A file is one transaction, unless it has directives, which begin its steps:
//!
//! ```sql
//! --! transaction
//! ALTER TABLE events ADD COLUMN size INTEGER;
//! --! batches of 5000 over events.seq
//! UPDATE events SET size = length(payload) WHERE seq > $1 AND seq <= $2;
//! --! index events_size_idx
//! CREATE INDEX CONCURRENTLY events_size_idx ON events (size);
//! ```
//!
//! What was done before a crash is not done again. `docs/adr/0041` has the reasons.

mod migrator;
mod record;
mod run;
mod steps;
mod version;

use sea_orm::{DbBackend, DbErr};

pub use migrator::{MigrationError, Migrator};

/// A migration, as SQL texts.
#[derive(Debug, Clone, Copy)]
pub struct Migration {
    name: &'static str,
    postgres: &'static str,
    sqlite: &'static str,
    down: &'static str,
    min_version: Option<&'static str>,
}

/// Defines the migration in the folder of this name.
macro_rules! migration {
    ($name:literal) => {
        Migration::new(
            $name,
            include_str!(concat!($name, "/postgres.up.sql")),
            include_str!(concat!($name, "/sqlite.up.sql")),
            include_str!(concat!($name, "/down.sql")),
        )
    };
}

/// Oldest first. A migration that takes away what an older version uses says which version it
/// needs: `migration!("m0042_drop_names").breaking_before("0.9.0")`.
static MIGRATIONS: &[Migration] = &[migration!("m0001_initial"), migration!("m0002_text_rules")];

impl Migration {
    /// A migration with these texts, for `PostgreSQL`, for `SQLite`, and to undo it.
    #[must_use]
    pub const fn new(name: &'static str, postgres: &'static str, sqlite: &'static str, down: &'static str) -> Self {
        Self { name, postgres, sqlite, down, min_version: None }
    }

    /// Versions older than `version` cannot work with the schema afterwards, and refuse to start.
    #[must_use]
    pub const fn breaking_before(self, version: &'static str) -> Self {
        Self { min_version: Some(version), ..self }
    }

    fn up(&self, backend: DbBackend) -> Result<&'static str, DbErr> {
        match backend {
            DbBackend::Postgres => Ok(self.postgres),
            DbBackend::Sqlite => Ok(self.sqlite),
            other => Err(DbErr::Migration(format!("{other:?} is not supported: use PostgreSQL or SQLite"))),
        }
    }
}
