//! Applies and undoes migrations, and tells whether a version of the program can work with a
//! schema.

use std::collections::HashMap;

use sea_orm::{ConnectionTrait, DatabaseConnection, DbErr, TransactionTrait as _};

use crate::record::{self, Record};
use crate::run::Run;
use crate::version::Version;
use crate::{MIGRATIONS, Migration, steps};

/// The migrations of one version, in order. Run them with `watchword migrate`, which takes the lock
/// that concurrent starts need.
#[derive(Debug, Clone, Copy)]
pub struct Migrator {
    migrations: &'static [Migration],
    version: &'static str,
}

/// Why a schema cannot be used or migrated.
#[derive(Debug, thiserror::Error)]
pub enum MigrationError {
    /// The schema breaks with this version.
    #[error(
        "the schema needs watchword {min_version} or newer since migration {name}; this is {version}. Run a newer version"
    )]
    TooOld {
        name: String,
        min_version: String,
        version: &'static str,
    },
    /// The schema is not a later one of the same line.
    #[error(
        "the database has the migration {0}, which this version does not know and which is not later than its own: run \
         the version that made it"
    )]
    Unknown(String),
    /// Later migrations would stand on what is applied or undone.
    #[error("the database has the later migration {0}: migrate with the version that made it")]
    Later(String),
    #[error(transparent)]
    Database(#[from] DbErr),
}

impl Default for Migrator {
    /// The migrations of this version.
    fn default() -> Self {
        Self::new(MIGRATIONS, env!("CARGO_PKG_VERSION"))
    }
}

impl Migrator {
    /// The migrations of another version.
    #[must_use]
    pub const fn new(migrations: &'static [Migration], version: &'static str) -> Self {
        Self { migrations, version }
    }

    /// Return how many migrations there are.
    #[must_use]
    pub const fn count(&self) -> usize {
        self.migrations.len()
    }

    /// Apply the migrations that the database lacks.
    ///
    /// # Errors
    /// [`MigrationError`]
    pub async fn up(&self, db: &DatabaseConnection) -> Result<(), MigrationError> {
        record::create_table(db).await?;
        let schema = self.read(db).await?;
        for migration in self.migrations.iter().filter(|migration| !schema.has(migration)) {
            if let Some(later) = schema.later.first() {
                return Err(MigrationError::Later(later.clone()));
            }
            let run = Run {
                db,
                name: migration.name,
                min_version: migration.min_version,
                progress: schema.known.get(migration.name).map(|record| record.progress).unwrap_or_default(),
            };
            run.steps(&steps::parse(migration.up(db.get_database_backend())?)?).await?;
            tracing::info!(migration = migration.name, "migration applied");
        }
        Ok(())
    }

    /// Undo the last `steps` migrations.
    ///
    /// # Errors
    /// [`MigrationError`]
    pub async fn down(&self, db: &DatabaseConnection, steps: u32) -> Result<(), MigrationError> {
        record::create_table(db).await?;
        let schema = self.read(db).await?;
        if let Some(later) = schema.later.first() {
            return Err(MigrationError::Later(later.clone()));
        }
        let begun = self.migrations.iter().rev().filter(|migration| schema.known.contains_key(migration.name));
        for migration in begun.take(usize::try_from(steps).unwrap_or(usize::MAX)) {
            let tx = db.begin().await?;
            tx.execute_unprepared(migration.down).await?;
            record::forget(&tx, migration.name).await?;
            tx.commit().await?;
            tracing::info!(migration = migration.name, "migration undone");
        }
        Ok(())
    }

    /// Return the name of every migration, and whether the database has it. Changes nothing.
    ///
    /// # Errors
    /// [`MigrationError`]
    pub async fn status(&self, db: &DatabaseConnection) -> Result<Vec<(&'static str, bool)>, MigrationError> {
        let schema = self.read(db).await?;
        let state = |migration: &Migration| (migration.name, schema.has(migration));
        Ok(self.migrations.iter().map(state).collect())
    }

    /// Check that this version can work with the schema, and return the later migrations that it
    /// does not know. Changes nothing.
    ///
    /// # Errors
    /// [`MigrationError`]
    pub async fn check(&self, db: &DatabaseConnection) -> Result<Vec<String>, MigrationError> {
        Ok(self.read(db).await?.later)
    }

    async fn read(&self, db: &DatabaseConnection) -> Result<Schema, MigrationError> {
        let newest = self.migrations.last().map_or("", |migration| migration.name);
        let own = Version::parse(self.version);
        let mut schema = Schema::default();
        for record in record::all(db).await? {
            if self.migrations.iter().any(|migration| migration.name == record.name) {
                schema.known.insert(record.name.clone(), record);
                continue;
            }
            let Record { name, min_version, .. } = record;
            if name.as_str() < newest {
                return Err(MigrationError::Unknown(name));
            }
            if let Some(min_version) = min_version
                && Version::parse(&min_version) > own
            {
                return Err(MigrationError::TooOld { name, min_version, version: self.version });
            }
            schema.later.push(name);
        }
        Ok(schema)
    }
}

/// What the database has.
#[derive(Default)]
struct Schema {
    known: HashMap<String, Record>,
    /// The names of migrations that are later than all that this version knows.
    later: Vec<String>,
}

impl Schema {
    fn has(&self, migration: &Migration) -> bool {
        self.known.get(migration.name).is_some_and(|record| record.is_applied)
    }
}
