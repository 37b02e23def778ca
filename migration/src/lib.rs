//! Database migrations of the Watchword auth service.
//!
//! A migration is a folder `mNNNN_name/` with plain SQL for each database, so that a reviewer reads what will run. Times are whole
//! milliseconds since the Unix epoch in `BIGINT`: one representation, one comparison and one index on both databases.
//! Changes expand first and contract a release later, since two versions serve side by side during a rolling update.

use sea_orm_migration::prelude::*;
use sea_orm_migration::sea_orm::DbBackend;

/// The ordered list of migrations. Run it through `watchword migrate`, which takes the lock that concurrent starts need.
#[derive(Debug)]
pub struct Migrator;

#[async_trait::async_trait]
impl MigratorTrait for Migrator {
    fn migrations() -> Vec<Box<dyn MigrationTrait>> {
        vec![
            Box::new(Sql {
                name: "m0001_accounts",
                postgres: Script {
                    up: include_str!("m0001_accounts/postgres.up.sql"),
                    down: include_str!("m0001_accounts/down.sql"),
                },
                sqlite: Script {
                    up: include_str!("m0001_accounts/sqlite.up.sql"),
                    down: include_str!("m0001_accounts/down.sql"),
                },
            }),
            Box::new(Sql {
                name: "m0002_ledger_queries",
                postgres: Script {
                    up: include_str!("m0002_ledger_queries/postgres.up.sql"),
                    down: include_str!("m0002_ledger_queries/down.sql"),
                },
                sqlite: Script {
                    up: include_str!("m0002_ledger_queries/sqlite.up.sql"),
                    down: include_str!("m0002_ledger_queries/down.sql"),
                },
            }),
            Box::new(Sql {
                name: "m0003_replays",
                postgres: Script {
                    up: include_str!("m0003_replays/postgres.up.sql"),
                    down: include_str!("m0003_replays/down.sql"),
                },
                sqlite: Script {
                    up: include_str!("m0003_replays/sqlite.up.sql"),
                    down: include_str!("m0003_replays/down.sql"),
                },
            }),
            Box::new(Sql {
                name: "m0005_mail",
                postgres: Script {
                    up: include_str!("m0005_mail/postgres.up.sql"),
                    down: include_str!("m0005_mail/down.sql"),
                },
                sqlite: Script {
                    up: include_str!("m0005_mail/sqlite.up.sql"),
                    down: include_str!("m0005_mail/down.sql"),
                },
            }),
            Box::new(Sql {
                name: "m0006_idempotency",
                postgres: Script {
                    up: include_str!("m0006_idempotency/postgres.up.sql"),
                    down: include_str!("m0006_idempotency/down.sql"),
                },
                sqlite: Script {
                    up: include_str!("m0006_idempotency/sqlite.up.sql"),
                    down: include_str!("m0006_idempotency/down.sql"),
                },
            }),
            Box::new(Sql {
                name: "m0007_second_factor",
                postgres: Script {
                    up: include_str!("m0007_second_factor/postgres.up.sql"),
                    down: include_str!("m0007_second_factor/down.sql"),
                },
                sqlite: Script {
                    up: include_str!("m0007_second_factor/sqlite.up.sql"),
                    down: include_str!("m0007_second_factor/down.sql"),
                },
            }),
        ]
    }
}

struct Script {
    up: &'static str,
    down: &'static str,
}

/// A migration made of SQL texts.
struct Sql {
    name: &'static str,
    postgres: Script,
    sqlite: Script,
}

impl Sql {
    fn script(&self, backend: DbBackend) -> Result<&Script, DbErr> {
        match backend {
            DbBackend::Postgres => Ok(&self.postgres),
            DbBackend::Sqlite => Ok(&self.sqlite),
            other => Err(DbErr::Migration(format!(
                "{other:?} is not supported: use PostgreSQL or SQLite"
            ))),
        }
    }
}

impl MigrationName for Sql {
    fn name(&self) -> &str {
        self.name
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Sql {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let script = self.script(manager.get_database_backend())?;
        manager.get_connection().execute_unprepared(script.up).await.map(|_| ())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let script = self.script(manager.get_database_backend())?;
        manager
            .get_connection()
            .execute_unprepared(script.down)
            .await
            .map(|_| ())
    }

    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }
}
