//! A transaction of the test that holds row locks, so that a race happens in a known order.

use std::time::Duration;

use sqlx::{Connection as _, Executor as _, PgConnection};

use super::database::Database;
use super::wait::eventually;

/// How long the service may take to reach the locked rows.
const TIMEOUT: Duration = Duration::from_secs(60);

/// A transaction that holds row locks. PostgreSQL only.
pub(crate) struct RowLock(PgConnection);

impl RowLock {
    /// Locks the rows that a statement locks.
    pub(crate) async fn take(database: &Database, sql: &'static str, values: &[&str]) -> Self {
        let url = database.url().expect("PostgreSQL");
        let mut connection = PgConnection::connect(url).await.expect("connect");
        connection.execute("BEGIN").await.expect("begin");
        let statement = values.iter().fold(sqlx::query(sql), |query, value| query.bind(*value));
        let rows = statement.execute(&mut connection).await.expect("lock").rows_affected();
        assert_ne!(rows, 0, "no row to lock");
        Self(connection)
    }

    /// Locks the row of the account with this email address.
    pub(crate) async fn account(database: &Database, email: &str) -> Self {
        Self::take(database, "SELECT id FROM users WHERE email = $1 FOR UPDATE", &[email]).await
    }

    /// Releases the locks, and rolls back.
    pub(crate) async fn release(mut self) {
        self.0.execute("ROLLBACK").await.expect("roll back");
    }
}

/// Returns how many transactions of this database wait for a lock.
pub(crate) async fn blocked_transactions(database: &Database) -> i64 {
    // Other tests share the server, so count this database only.
    let sql = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()";
    database.count(sql).await.expect("a count")
}

/// Waits until `count` transactions of the service wait for a lock.
pub(crate) async fn wait_until_blocked(database: &Database, count: i64) {
    eventually(TIMEOUT, || async {
        match blocked_transactions(database).await {
            found if found == count => Ok(()),
            found => Err(format!("{found} transactions wait instead of {count}")),
        }
    })
    .await;
}
