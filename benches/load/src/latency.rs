//! Latency from the commit to the subscriber, on an idle service.
//!
//! PostgreSQL records when it committed a transaction (`track_commit_timestamp`, taken just before
//! the commit is flushed), and the subscriber records when the event arrived: one machine, one
//! clock.

use std::collections::HashMap;
use std::time::Duration;

use async_nats::jetstream::consumer::{AckPolicy, DeliverPolicy, pull};
use futures_util::StreamExt as _;
use serde_json::json;
use tokio::time::timeout;
use watchword_events::ReceivedEvent;

use crate::Outcome;
use crate::client::Client;
use crate::clock::{now_ms, refreshed_at};
use crate::report::{Row, note};
use crate::rig::Rig;
use crate::stats::percentile;

const EVENTS: usize = 600;
/// The idle time between two events.
const PAUSE: Duration = Duration::from_millis(20);

pub(crate) async fn measure() -> Outcome<Vec<Row>> {
    let rig = Rig::start().await?;
    let service = rig.service()?;
    let accounts = service.accounts("idle", EVENTS).await?;
    let stream = async_nats::jetstream::new(async_nats::connect(rig.nats.url()).await?)
        .get_stream("auth-events")
        .await?;
    let config = pull::Config {
        deliver_policy: DeliverPolicy::New,
        ack_policy: AckPolicy::None,
        filter_subject: "auth.user.token_refreshed".to_owned(),
        ..pull::Config::default()
    };
    let mut messages = stream.create_consumer(config).await?.messages().await?;
    // Only the server knows when the pull request has arrived, so wait.
    tokio::time::sleep(Duration::from_secs(2)).await;

    let mut client = Client::connect(service.port()).await?;
    let mut seen = HashMap::new();
    for account in &accounts {
        let refreshed = client.post("/auth/refresh", &json!({ "refreshToken": account.refresh })).await?;
        refreshed.text("/refreshToken")?;
        let message = timeout(Duration::from_secs(5), messages.next())
            .await?
            .ok_or("the subscription has ended")??;
        let now = now_ms();
        let user = ReceivedEvent::from_json(&message.payload)?
            .user
            .ok_or("an event without a user")?
            .id
            .to_string();
        if user != account.id {
            return Err("another user's event".into());
        }
        seen.insert(user, now);
        tokio::time::sleep(PAUSE).await;
    }
    let latencies = latencies(&rig, &seen)?;
    let (p50, p99, max) = (percentile(&latencies, 50.0), percentile(&latencies, 99.0), percentile(&latencies, 100.0));
    note(&format!(
        "{} events: p50 {p50:.2} ms, p99 {p99:.2} ms, longest {max:.2} ms",
        latencies.len()
    ));
    Ok(vec![Row {
        what: "Commit → subscriber, idle",
        target: "p50 ≤ 5 ms, p99 ≤ 25 ms",
        measured: format!("p50 {p50:.1} ms, p99 {p99:.1} ms"),
        met: p50 <= 5.0 && p99 <= 25.0,
    }])
}

fn latencies(rig: &Rig, seen: &HashMap<String, f64>) -> Outcome<Vec<f64>> {
    let committed = refreshed_at(&rig.postgres)?;
    let latency = |(user, arrived): (&String, &f64)| {
        let committed = committed.get(user).ok_or("a user without a refresh")?;
        Ok(arrived - committed)
    };
    seen.iter().map(latency).collect()
}
