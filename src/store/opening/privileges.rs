//! What the role of the service has to be allowed on `PostgreSQL`. Errors of the server would come
//! in the middle of a migration, or with the first request, and would not say what to do.

use sea_orm::DatabaseConnection;

use crate::store::{OpenError, Store, sql};

/// The tables of the service, quoted for a list.
const TABLES: &str = "'event_counts', 'event_counts_mark', 'events', 'idempotency_keys', 'ledger', \
     'login_challenges', 'one_time_codes', 'outgoing_mail', 'recovery_codes', 'relay_position', 'replays', \
     'schema_migrations', 'second_factors', 'sessions', 'signing_keys', 'users'";

/// Whether the schema of the table `c` is one that the service has migrated. Other programs have
/// tables of the same names.
const MIGRATED: &str = "EXISTS (SELECT FROM pg_class m JOIN pg_attribute a ON a.attrelid = m.oid \
     WHERE m.relname = 'schema_migrations' AND m.relnamespace = c.relnamespace AND a.attname = 'min_version')";

/// What migrations need.
fn creates() -> String {
    format!(
        "SELECT format('%I', current_user) AS role, format('%I', current_database()) AS database, \
         format('%I', current_schema()::text) AS schema, \
         coalesce(has_schema_privilege(current_schema()::text, 'CREATE'), false) AS may_create, \
         pg_is_in_recovery() OR current_setting('transaction_read_only') = 'on' AS read_only, \
         (SELECT string_agg(format('%I', c.relname), ', ' ORDER BY c.relname) FROM pg_class c \
         WHERE c.relnamespace = (SELECT oid FROM pg_namespace WHERE nspname = current_schema()) \
         AND c.relkind IN ('r', 'p', 'v') AND c.relname IN ({TABLES}) AND NOT {MIGRATED}) AS of_others"
    )
}

/// Who does not migrate may only read which migrations there are.
fn not_writable() -> String {
    format!(
        "SELECT format('%I', current_user) AS role, min(format('%I', n.nspname)) AS schema, \
         string_agg(format('%I', c.relname), ', ' ORDER BY c.relname) AS tables \
         FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace \
         WHERE c.relkind IN ('r', 'p') AND pg_table_is_visible(c.oid) AND c.relname IN ({TABLES}) AND {MIGRATED} \
         AND NOT (has_table_privilege(c.oid, 'SELECT') AND (c.relname = 'schema_migrations' \
         OR has_table_privilege(c.oid, 'INSERT') AND has_table_privilege(c.oid, 'UPDATE') \
         AND has_table_privilege(c.oid, 'DELETE')))"
    )
}

impl Store {
    /// Check that migrations, which run over `db`, may create tables.
    ///
    /// # Errors
    /// [`OpenError::ReadOnly`], [`OpenError::NoSchema`], [`OpenError::TablesOfOthers`],
    /// [`OpenError::MayNotCreate`]
    pub(in crate::store) async fn check_may_create(&self, db: &DatabaseConnection) -> Result<(), OpenError> {
        if self.is_sqlite() {
            return Ok(());
        }
        let Some(row) = sql::fetch_one(db, creates(), []).await? else {
            return Ok(());
        };
        let (role, database) = (row.get("role")?, row.get("database")?);
        if row.get("read_only")? {
            return Err(OpenError::ReadOnly { database });
        }
        let Some(schema) = row.get::<Option<String>>("schema")?.filter(|schema| !schema.is_empty()) else {
            return Err(OpenError::NoSchema { role });
        };
        if let Some(tables) = row.get("of_others")? {
            return Err(OpenError::TablesOfOthers { role, schema, tables });
        }
        if row.get("may_create")? {
            Ok(())
        } else {
            Err(OpenError::MayNotCreate { role, schema, database })
        }
    }

    /// Check that the tables that there are may be read and written.
    ///
    /// # Errors
    /// [`OpenError::MayNotWrite`]
    pub(in crate::store) async fn check_may_write(&self, db: &DatabaseConnection) -> Result<(), OpenError> {
        if self.is_sqlite() {
            return Ok(());
        }
        match sql::fetch_one(db, not_writable(), []).await? {
            Some(row) => match row.get("tables")? {
                Some(tables) => {
                    Err(OpenError::MayNotWrite { role: row.get("role")?, schema: row.get("schema")?, tables })
                }
                None => Ok(()),
            },
            None => Ok(()),
        }
    }
}
