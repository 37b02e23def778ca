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
use crate::rig::{Rig, Service};
use crate::stats::percentile;

const EVENTS: usize = 600;
/// The idle times between two events: several, since the relay looks for events of other instances
/// at intervals, and one event comes right after such a look.
const PAUSES_MS: [u64; 5] = [20, 40, 60, 80, 100];

pub(crate) async fn measure() -> Outcome<Vec<Row>> {
    let rig = Rig::start().await?;
    let (standby, _) = rig.another_service().await?;
    let leader = from(&rig, rig.service()?, "leader").await?;
    let standby = from(&rig, &standby, "standby").await?;
    Ok(vec![
        row("Commit → subscriber, idle, on the leader", "p50 ≤ 5 ms, p99 ≤ 25 ms", &leader, 5.0, 25.0),
        row("Commit → subscriber, idle, on another instance", "p99 ≤ 120 ms", &standby, 120.0, 120.0),
    ])
}

fn row(what: &'static str, target: &'static str, latencies: &[f64], p50: f64, p99: f64) -> Row {
    let (half, most) = (percentile(latencies, 50.0), percentile(latencies, 99.0));
    let longest = percentile(latencies, 100.0);
    note(&format!(
        "{} events: p50 {half:.2} ms, p99 {most:.2} ms, longest {longest:.2} ms",
        latencies.len()
    ));
    Row {
        what,
        target,
        measured: format!("p50 {half:.1} ms, p99 {most:.1} ms"),
        met: half <= p50 && most <= p99,
    }
}

/// Refreshes at this instance, one after the other; returns the latencies.
async fn from(rig: &Rig, service: &Service, prefix: &str) -> Outcome<Vec<f64>> {
    let accounts = service.accounts(prefix, EVENTS).await?;
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
    for (account, pause) in accounts.iter().zip(PAUSES_MS.into_iter().cycle()) {
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
        tokio::time::sleep(Duration::from_millis(pause)).await;
    }
    latencies(rig, &seen)
}

fn latencies(rig: &Rig, seen: &HashMap<String, f64>) -> Outcome<Vec<f64>> {
    let committed = refreshed_at(&rig.postgres)?;
    let latency = |(user, arrived): (&String, &f64)| {
        let committed = committed.get(user).ok_or("a user without a refresh")?;
        Ok(arrived - committed)
    };
    seen.iter().map(latency).collect()
}
