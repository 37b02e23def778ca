//! Raw SQL, for what the entities cannot say: `RETURNING`, compare-and-swap, joins and window
//! functions.

use sea_orm::{ConnectionTrait, DbBackend, DbErr, FromQueryResult, QueryResult, Statement, TryGetable, Value};

use super::{Store, StoreError};

pub(super) struct Row(QueryResult);

impl Row {
    /// The value of a column.
    pub(super) fn get<T: TryGetable>(&self, column: &str) -> Result<T, StoreError> {
        Ok(self.0.try_get("", column)?)
    }

    /// The whole row, as a row of an entity's table.
    pub(super) fn model<M: FromQueryResult>(&self) -> Result<M, StoreError> {
        Ok(M::from_query_result(&self.0, "")?)
    }
}

/// Run a statement, and return the number of rows that it changed.
pub(super) async fn execute(
    db: &impl ConnectionTrait,
    sql: impl Into<String>,
    values: impl IntoIterator<Item = Value>,
) -> Result<u64, StoreError> {
    Ok(db.execute_raw(statement(db, sql, values)).await?.rows_affected())
}

/// As [`execute`], for a statement without parameters: it is sent as text, and no plan of it is
/// kept.
pub(super) async fn execute_unprepared(db: &impl ConnectionTrait, sql: &str) -> Result<u64, StoreError> {
    Ok(db.execute_unprepared(sql).await?.rows_affected())
}

/// Run a query, and return its first row.
pub(super) async fn fetch_one(
    db: &impl ConnectionTrait,
    sql: impl Into<String>,
    values: impl IntoIterator<Item = Value>,
) -> Result<Option<Row>, StoreError> {
    Ok(db.query_one_raw(statement(db, sql, values)).await?.map(Row))
}

/// Run a query, and return its rows.
pub(super) async fn fetch_all(
    db: &impl ConnectionTrait,
    sql: impl Into<String>,
    values: impl IntoIterator<Item = Value>,
) -> Result<Vec<Row>, StoreError> {
    rows(db.query_all_raw(statement(db, sql, values)).await)
}

impl Store {
    /// Run a statement that writes, outside of any transaction.
    pub(super) async fn write(
        &self,
        sql: impl Into<String>,
        values: impl IntoIterator<Item = Value>,
    ) -> Result<u64, StoreError> {
        let _writer = self.writer().await?;
        execute(self.db(), sql, values).await
    }

    /// As [`write`](Self::write), for a statement without parameters.
    pub(super) async fn write_unprepared(&self, sql: &str) -> Result<u64, StoreError> {
        let _writer = self.writer().await?;
        execute_unprepared(self.db(), sql).await
    }

    /// Run a query whose best plan depends on its values: it is planned for them each time.
    pub(super) async fn fetch_planned(
        &self,
        sql: impl Into<String>,
        values: impl IntoIterator<Item = Value>,
    ) -> Result<Vec<Row>, StoreError> {
        let statement = statement(self.db(), sql, values);
        rows(self.db().query_all_planned(statement).await)
    }
}

/// A statement of `PostgreSQL` without parameters.
pub(super) fn plain(sql: String) -> Statement {
    Statement::from_string(DbBackend::Postgres, sql)
}

fn statement(db: &impl ConnectionTrait, sql: impl Into<String>, values: impl IntoIterator<Item = Value>) -> Statement {
    Statement::from_sql_and_values(db.get_database_backend(), sql, values)
}

fn rows(found: Result<Vec<QueryResult>, DbErr>) -> Result<Vec<Row>, StoreError> {
    Ok(found?.into_iter().map(Row).collect())
}
