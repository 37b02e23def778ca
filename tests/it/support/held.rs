//! A transaction beside the service's: it holds rows until the test lets go, so that what races comes in an order that is known.

use std::time::Duration;

use sqlx::{Connection as _, Executor as _, PgConnection};

use super::database::Database;
use super::wait::eventually;

/// How long the service may take to come to the rows.
const SOON: Duration = Duration::from_secs(60);

/// What holds them. PostgreSQL only.
pub(crate) struct Held(PgConnection);

impl Held {
    /// Holds what a statement locks.
    pub(crate) async fn by(database: &Database, sql: &'static str, values: &[&str]) -> Self {
        let url = database.url().expect("PostgreSQL");
        let mut connection = PgConnection::connect(url).await.expect("connect");
        connection.execute("BEGIN").await.expect("begin");
        let statement = values.iter().fold(sqlx::query(sql), |query, value| query.bind(*value));
        let held = statement.execute(&mut connection).await.expect("lock").rows_affected();
        assert_ne!(held, 0, "nothing to hold");
        Self(connection)
    }

    /// Holds the row of the account with an address.
    pub(crate) async fn account(database: &Database, email: &str) -> Self {
        Self::by(database, "SELECT id FROM users WHERE email = $1 FOR UPDATE", &[email]).await
    }

    /// Lets go, and leaves everything as it was.
    pub(crate) async fn release(mut self) {
        self.0.execute("ROLLBACK").await.expect("roll back");
    }
}

/// How many transactions of this database wait for others.
pub(crate) async fn waiting(database: &Database) -> i64 {
    // By database: other tests share the server.
    let sql = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()";
    database.count(sql).await.expect("a count")
}

/// Waits until so many do.
pub(crate) async fn until_waiting(database: &Database, count: i64) {
    eventually(SOON, || async {
        match waiting(database).await {
            found if found == count => Ok(()),
            found => Err(format!("{found} transactions wait and not {count}")),
        }
    })
    .await;
}
