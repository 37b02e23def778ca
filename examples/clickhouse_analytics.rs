//! Writes every event to ClickHouse, thousands with one insert, for reports and analytics.
//!
//! It shows **batches**: up to 5 000 events, collected for at most a second, are one `INSERT` over
//! HTTP. An event can arrive again, in another batch. The table is a `ReplacingMergeTree` ordered
//! by the event's id, so that ClickHouse keeps one row per event: when it merges parts, or at once
//! in a query with `FINAL`. Partitions follow the time of the event, so a duplicate falls into the
//! same partition.
//!
//! ```sh
//! docker compose up -d clickhouse
//! cargo run --example clickhouse_analytics
//! curl 'http://watchword:clickhouse-dev@127.0.0.1:8123' \
//!   -d 'SELECT subject, count() FROM auth_events FINAL GROUP BY subject'
//! ```
//!
//! Settings: `NATS_URL`; `CLICKHOUSE_URL`, `CLICKHOUSE_USER`, `CLICKHOUSE_PASSWORD` and
//! `CLICKHOUSE_DATABASE` (default: the ClickHouse of `docker-compose.yml`). The SQL works with
//! servers from version 18.16 on.

use std::fmt::Write as _;
use std::time::Duration;

use anyhow::Context as _;
use serde_json::json;
use watchword_events::subscriber::BatchLimits;
use watchword_events::{DeliveryInfo, HandlerError, ReceivedEvent, Subscriber};
use watchword_examples::{NATS_HELP, ctrl_c, init_logging, nats_url, setting};

const LIMITS: BatchLimits = BatchLimits { max_events: 5_000, max_wait: Duration::from_secs(1) };

/// `occurred_ms` is `occurred_at` in milliseconds since 1970: old servers have no type with
/// milliseconds.
const TABLE: &str = "
    CREATE TABLE IF NOT EXISTS auth_events (
        event_id    UUID,
        occurred_at DateTime('UTC'),
        occurred_ms Int64,
        subject     String,
        user_id     Nullable(UUID),
        user_seq    Nullable(Int64),
        environment String,
        data        String
    ) ENGINE = ReplacingMergeTree() PARTITION BY toYYYYMM(occurred_at) ORDER BY event_id";

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    init_logging();
    let clickhouse = ClickHouse::from_environment()?;
    let help = "cannot reach ClickHouse: start it, or set CLICKHOUSE_URL";
    clickhouse.run(TABLE.to_owned()).await.context(help)?;
    Subscriber::durable("clickhouse-analytics")
        .stop_on(ctrl_c())
        .connect(&nats_url())
        .await
        .context(NATS_HELP)?
        .run_batches(LIMITS, move |events| {
            let clickhouse = clickhouse.clone();
            async move { clickhouse.insert(&events).await }
        })
        .await?;
    Ok(())
}

#[derive(Clone)]
struct ClickHouse {
    http: reqwest::Client,
    url: String,
    user: String,
    password: String,
    database: String,
}

impl ClickHouse {
    fn from_environment() -> anyhow::Result<Self> {
        Ok(Self {
            http: reqwest::Client::builder().timeout(Duration::from_secs(60)).build()?,
            url: setting("CLICKHOUSE_URL", "http://127.0.0.1:8123"),
            user: setting("CLICKHOUSE_USER", "watchword"),
            password: setting("CLICKHOUSE_PASSWORD", "clickhouse-dev"),
            database: setting("CLICKHOUSE_DATABASE", "default"),
        })
    }

    async fn insert(&self, events: &[(ReceivedEvent, DeliveryInfo)]) -> Result<(), HandlerError> {
        let mut insert = "INSERT INTO auth_events FORMAT JSONEachRow\n".to_owned();
        for (received, _delivery) in events {
            // Writing to a String cannot fail.
            let _ = writeln!(insert, "{}", row(received));
        }
        // Retry after any error: a ClickHouse that refuses a batch lacks a resource, such as
        // memory.
        self.run(insert).await.map_err(HandlerError::retry)
    }

    /// Runs a statement. The rows of an insert follow it.
    async fn run(&self, statement: String) -> anyhow::Result<()> {
        let request = self
            .http
            .post(&self.url)
            .query(&[("database", &self.database)])
            .basic_auth(&self.user, Some(&self.password))
            .body(statement);
        let response = request.send().await?;
        let status = response.status();
        if !status.is_success() {
            let reason = response.text().await?;
            anyhow::bail!("ClickHouse answered {status}: {}", reason.lines().next().unwrap_or_default());
        }
        Ok(())
    }
}

fn row(received: &ReceivedEvent) -> serde_json::Value {
    let at = received.timestamp;
    json!({
        "event_id": received.id,
        "occurred_at": at.unix_timestamp(),
        "occurred_ms": at.unix_timestamp() * 1000 + i64::from(at.millisecond()),
        "subject": received.subject,
        "user_id": received.user.map(|user| user.id),
        "user_seq": received.user.and_then(|user| user.seq),
        "environment": received.metadata.environment,
        // Serializing a JSON map cannot fail.
        "data": serde_json::to_string(received.data()).unwrap_or_default(),
    })
}
