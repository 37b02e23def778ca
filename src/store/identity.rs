//! Which database this is, to notice a restored backup or a promoted standby.

use sea_orm::ConnectionTrait;

use super::{Store, StoreError, sql};

/// Names a database and the line of its history: they differ where another database, or another
/// history of this one, answers under the same address. What was read before does not hold then.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DatabaseIdentity {
    /// Given by `initdb`; a copy has the same.
    pub system_identifier: i64,
    /// Raised by each promotion of a standby and each restore to a point in time.
    pub timeline: i64,
}

/// The lock of the file admits one process, which has the same file as long as it runs.
const SQLITE: DatabaseIdentity = DatabaseIdentity { system_identifier: 0, timeline: 0 };

/// Every role may call these functions. The checkpoint still has the old timeline for a while after
/// a promotion; the name of the current WAL segment begins with the new one at once, but has no
/// meaning on a standby.
const IDENTITY: &str = "SELECT system_identifier, CASE WHEN pg_is_in_recovery() \
     THEN (SELECT timeline_id FROM pg_control_checkpoint())::bigint \
     ELSE ('x' || left(pg_walfile_name(pg_current_wal_lsn()), 8))::bit(32)::bigint END AS timeline \
     FROM pg_control_system()";

impl Store {
    /// Which database this is now.
    pub async fn database_identity(&self) -> Result<DatabaseIdentity, StoreError> {
        read(self.db()).await
    }
}

pub(super) async fn read(db: &impl ConnectionTrait) -> Result<DatabaseIdentity, StoreError> {
    if db.get_database_backend() == sea_orm::DbBackend::Sqlite {
        return Ok(SQLITE);
    }
    let row = sql::fetch_one(db, IDENTITY, []).await?;
    let row = row.ok_or(StoreError::Corrupt { table: "pg_control_system", column: "system_identifier" })?;
    Ok(DatabaseIdentity {
        system_identifier: row.get("system_identifier")?,
        timeline: row.get("timeline")?,
    })
}
