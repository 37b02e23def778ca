//! Raises an alert when a login succeeds after several failures, which may be a guessed password,
//! and when a refresh token is used twice, which may be stolen.
//!
//! It shows a **stateful** durable subscriber: an alert depends on earlier events. A SQLite file
//! stores them by their event ids, so a restart loses nothing and a duplicate counts once. Failures
//! are counted by the account's event numbers (`userSeq`) and event times, never by the clock of
//! this machine: reading a week of events again finds the same alerts and raises none of them
//! twice.
//!
//! ```sh
//! cargo run --example security_monitor
//! ```
//!
//! Then log in three times with a wrong password and once with the right one. Settings: `NATS_URL`,
//! and `SECURITY_MONITOR_DB`, the path of the file (default `security_monitor.db`).

use anyhow::Context as _;
use sqlx::{SqliteConnection, SqlitePool};
use watchword_events::{AuthEvent, EventKind, HandlerError, ReceivedEvent, Subscriber, UserRef};
use watchword_examples::{NATS_HELP, ctrl_c, init_logging, nats_url, setting};

/// The number of failures before a success that raises an alert.
const MIN_FAILURES: i64 = 3;
/// Failures count for this many seconds.
const FAILURE_TTL: i64 = 10 * 60;

/// `at` is the time of the event, in seconds since 1970.
const TABLES: &str = "
    CREATE TABLE IF NOT EXISTS logins (event_id TEXT PRIMARY KEY, user_id TEXT, user_seq INTEGER, at INTEGER, failed INTEGER);
    CREATE INDEX IF NOT EXISTS logins_of_user ON logins (user_id, user_seq);
    CREATE TABLE IF NOT EXISTS alerts (event_id TEXT PRIMARY KEY);";

const FAILURES_SINCE_LAST_LOGIN: &str = "
    SELECT COUNT(*) FROM logins
    WHERE failed AND user_id = ?1 AND user_seq < ?2 AND at >= ?3
      AND user_seq > COALESCE((SELECT MAX(user_seq) FROM logins WHERE NOT failed AND user_id = ?1 AND user_seq < ?2), 0)";

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    init_logging();
    let monitor = Monitor::open().await?;
    Subscriber::durable("security-monitor")
        .events([EventKind::LoginFailed, EventKind::LoggedIn, EventKind::TokenReuseDetected])
        // Without it, a success could overtake the failures before it.
        .strict_order()
        .stop_on(ctrl_c())
        .connect(&nats_url())
        .await
        .context(NATS_HELP)?
        .run(move |received, _delivery| {
            let monitor = monitor.clone();
            async move { monitor.check(received).await }
        })
        .await?;
    Ok(())
}

#[derive(Clone)]
struct Monitor {
    database: SqlitePool,
}

impl Monitor {
    async fn open() -> anyhow::Result<Self> {
        let file = setting("SECURITY_MONITOR_DB", "security_monitor.db");
        let database = SqlitePool::connect(&format!("sqlite://{file}?mode=rwc"))
            .await
            .with_context(|| format!("cannot open {file}"))?;
        sqlx::raw_sql(TABLES).execute(&database).await?;
        Ok(Self { database })
    }

    async fn check(&self, received: ReceivedEvent) -> Result<(), HandlerError> {
        // No success follows a failure for an account that does not exist.
        let (Some(user), Some(event)) = (received.user, &received.event) else {
            return Ok(());
        };
        // One transaction: if raising the alert fails, the next delivery raises it.
        let mut transaction = self.database.begin_with("BEGIN IMMEDIATE").await?;
        let alert = match event {
            AuthEvent::LoginFailed(_) => {
                record_login(&mut transaction, &received, user, true).await?;
                None
            }
            AuthEvent::LoggedIn(_) => {
                record_login(&mut transaction, &received, user, false).await?;
                let failures = recent_failures(&mut transaction, &received, user).await?;
                (failures >= MIN_FAILURES).then(|| format!("logged in after {failures} failures"))
            }
            AuthEvent::TokenReuseDetected(_) => Some("a refresh token was used twice".to_owned()),
            _ => None,
        };
        if let Some(alert) = alert {
            let insert = sqlx::query("INSERT INTO alerts VALUES (?) ON CONFLICT DO NOTHING");
            let inserted = insert.bind(received.id.to_string()).execute(&mut *transaction).await?;
            if inserted.rows_affected() == 1 {
                raise_alert(&format!("{} {}: {alert}", received.timestamp, user.id));
            }
        }
        transaction.commit().await?;
        Ok(())
    }
}

async fn record_login(
    connection: &mut SqliteConnection,
    received: &ReceivedEvent,
    user: UserRef,
    failed: bool,
) -> Result<(), sqlx::Error> {
    sqlx::query("INSERT INTO logins VALUES (?, ?, ?, ?, ?) ON CONFLICT DO NOTHING")
        .bind(received.id.to_string())
        .bind(user.id.to_string())
        .bind(user.seq)
        .bind(received.timestamp.unix_timestamp())
        .bind(failed)
        .execute(connection)
        .await?;
    Ok(())
}

async fn recent_failures(
    connection: &mut SqliteConnection,
    login: &ReceivedEvent,
    user: UserRef,
) -> Result<i64, sqlx::Error> {
    let (id, since) = (user.id.to_string(), login.timestamp.unix_timestamp() - FAILURE_TTL);
    // Older failures no longer count.
    let delete = sqlx::query("DELETE FROM logins WHERE user_id = ? AND at < ?").bind(&id).bind(since);
    delete.execute(&mut *connection).await?;
    let failures = sqlx::query_scalar(FAILURES_SINCE_LAST_LOGIN).bind(&id).bind(user.seq).bind(since);
    failures.fetch_one(connection).await
}

/// Raises an alert. Call your pager here.
#[expect(clippy::print_stdout, reason = "this example prints alerts")]
fn raise_alert(text: &str) {
    println!("ALERT {text}");
}
