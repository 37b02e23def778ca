//! Raises an alert when somebody gets in after several failed logins: a guessed or stolen password looks like that.
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
use sqlx::SqlitePool;
use watchword_events::{AuthEvent, EventKind, Failure, Received, Subscriber};
use watchword_examples::{NATS_HELP, ctrl_c, nats_url, setting, show_warnings};

/// So many failures before a success are an alert.
const FAILURES: i64 = 3;
/// Failures longer ago than this, in milliseconds before the success, do not count.
const WINDOW: i64 = 10 * 60 * 1000;

/// `at` is the time of the event, in milliseconds since 1970.
const TABLES: &str = "
    CREATE TABLE IF NOT EXISTS logins (event_id TEXT PRIMARY KEY, user_id TEXT, user_seq INTEGER, at INTEGER, failed INTEGER);
    CREATE INDEX IF NOT EXISTS logins_of_user ON logins (user_id, user_seq);
    CREATE TABLE IF NOT EXISTS alerts (event_id TEXT PRIMARY KEY);";

/// The failures since the login before this one, as far as they are recent.
const RECENT_FAILURES: &str = "
    SELECT COUNT(*) FROM logins
    WHERE failed AND user_id = ?1 AND user_seq < ?2 AND at >= ?3
      AND user_seq > COALESCE((SELECT MAX(user_seq) FROM logins WHERE NOT failed AND user_id = ?1 AND user_seq < ?2), 0)";

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    show_warnings();
    let monitor = Monitor::open().await?;
    Subscriber::durable("security-monitor")
        .events([EventKind::LoginFailed, EventKind::LoggedIn])
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
        let failed = matches!(event, AuthEvent::LoginFailed(_));
        let (id, account) = (received.id.to_string(), user.id.to_string());
        let at = received.timestamp.unix_timestamp() * 1000 + i64::from(received.timestamp.millisecond());

        // One transaction: an alert that could not be raised is raised with the next delivery.
        let mut transaction = self.memory.begin_with("BEGIN IMMEDIATE").await?;
        sqlx::query("INSERT INTO logins VALUES (?, ?, ?, ?, ?) ON CONFLICT DO NOTHING")
            .bind(&id)
            .bind(&account)
            .bind(user.seq)
            .bind(at)
            .bind(failed)
            .execute(&mut *transaction)
            .await?;
        if let AuthEvent::LoggedIn(login) = event {
            let failures: i64 = sqlx::query_scalar(RECENT_FAILURES)
                .bind(&account)
                .bind(user.seq)
                .bind(at - WINDOW)
                .fetch_one(&mut *transaction)
                .await?;
            if failures >= FAILURES {
                let alert = sqlx::query("INSERT INTO alerts VALUES (?) ON CONFLICT DO NOTHING").bind(&id);
                if alert.execute(&mut *transaction).await?.rows_affected() == 1 {
                    let from = login
                        .ip
                        .map_or_else(|| "an unknown address".to_owned(), |ip| ip.to_string());
                    alarm(&format!(
                        "{} {account} logged in from {from} after {failures} failures",
                        received.timestamp
                    ));
                }
            }
        }
        transaction.commit().await?;
        Ok(())
    }
}

/// Where your pager is called.
#[expect(clippy::print_stdout, reason = "printing is what this example does")]
fn alarm(text: &str) {
    println!("ALERT {text}");
}
