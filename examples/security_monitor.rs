//! Raises an alert when somebody gets in after several failed logins (a guessed password looks like that), and when a
//! refresh token is used twice, which is what a stolen one looks like.
//!
//! It shows a durable subscriber that **remembers**: an answer depends on earlier events. They are kept in a SQLite
//! file under their event ids, so a restart forgets nothing and an event that comes twice counts once. Failures are
//! counted with the account's own event numbers (`userSeq`) and event times, never with the clock of this machine:
//! reading a week of events again gives the same answers, and no alert a second time.
//!
//! ```sh
//! cargo run --example security_monitor
//! ```
//!
//! Then log in with a wrong password three times and with the right one once. `NATS_URL` says where NATS is,
//! `SECURITY_MONITOR_DB` where the file is (default `security_monitor.db`).

use anyhow::Context as _;
use sqlx::{SqliteConnection, SqlitePool};
use watchword_events::{AuthEvent, EventKind, Failure, Received, Subscriber, UserRef};
use watchword_examples::{NATS_HELP, ctrl_c, nats_url, setting, show_warnings};

/// So many failures before a success are an alert.
const FAILURES: i64 = 3;
/// Failures longer ago than this, in seconds before the success, do not count.
const WINDOW: i64 = 10 * 60;

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
    show_warnings();
    let monitor = Monitor::open().await?;
    Subscriber::durable("security-monitor")
        .events([EventKind::LoginFailed, EventKind::LoggedIn, EventKind::TokenReuseDetected])
        // A success that overtakes the failures before it would look harmless.
        .strict_order()
        .stop_on(ctrl_c())
        .connect(&nats_url())
        .await
        .context(NATS_HELP)?
        .run(move |received, _delivery| {
            let monitor = monitor.clone();
            async move { monitor.judge(received).await }
        })
        .await?;
    Ok(())
}

#[derive(Clone)]
struct Monitor {
    memory: SqlitePool,
}

impl Monitor {
    async fn open() -> anyhow::Result<Self> {
        let file = setting("SECURITY_MONITOR_DB", "security_monitor.db");
        let memory = SqlitePool::connect(&format!("sqlite://{file}?mode=rwc"))
            .await
            .with_context(|| format!("cannot open {file}"))?;
        sqlx::raw_sql(TABLES).execute(&memory).await?;
        Ok(Self { memory })
    }

    async fn judge(&self, received: Received) -> Result<(), Failure> {
        // A failure for an account that does not exist is followed by no success.
        let (Some(user), Some(event)) = (received.user, &received.event) else {
            return Ok(());
        };
        // One transaction: an alert that could not be raised is raised with the next delivery.
        let mut memory = self.memory.begin_with("BEGIN IMMEDIATE").await?;
        let alert = match event {
            AuthEvent::LoginFailed(_) => {
                remember(&mut memory, &received, user, true).await?;
                None
            }
            AuthEvent::LoggedIn(_) => {
                remember(&mut memory, &received, user, false).await?;
                let failures = recent_failures(&mut memory, &received, user).await?;
                (failures >= FAILURES).then(|| format!("logged in after {failures} failures"))
            }
            AuthEvent::TokenReuseDetected(_) => Some("a refresh token was used twice".to_owned()),
            _ => None,
        };
        if let Some(alert) = alert {
            let note = sqlx::query("INSERT INTO alerts VALUES (?) ON CONFLICT DO NOTHING");
            let note = note.bind(received.id.to_string()).execute(&mut *memory).await?;
            if note.rows_affected() == 1 {
                alarm(&format!("{} {}: {alert}", received.timestamp, user.id));
            }
        }
        memory.commit().await?;
        Ok(())
    }
}

async fn remember(
    memory: &mut SqliteConnection,
    received: &Received,
    user: UserRef,
    failed: bool,
) -> Result<(), sqlx::Error> {
    sqlx::query("INSERT INTO logins VALUES (?, ?, ?, ?, ?) ON CONFLICT DO NOTHING")
        .bind(received.id.to_string())
        .bind(user.id.to_string())
        .bind(user.seq)
        .bind(received.timestamp.unix_timestamp())
        .bind(failed)
        .execute(memory)
        .await?;
    Ok(())
}

async fn recent_failures(memory: &mut SqliteConnection, login: &Received, user: UserRef) -> Result<i64, sqlx::Error> {
    let (id, since) = (user.id.to_string(), login.timestamp.unix_timestamp() - WINDOW);
    // Nothing older can count any more.
    let old = sqlx::query("DELETE FROM logins WHERE user_id = ? AND at < ?")
        .bind(&id)
        .bind(since);
    old.execute(&mut *memory).await?;
    let failures = sqlx::query_scalar(FAILURES_SINCE_LAST_LOGIN)
        .bind(&id)
        .bind(user.seq)
        .bind(since);
    failures.fetch_one(memory).await
}

/// Where your pager is called.
#[expect(clippy::print_stdout, reason = "printing is what this example does")]
fn alarm(text: &str) {
    println!("ALERT {text}");
}
