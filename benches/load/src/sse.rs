//! Latency from the commit to each of 200 clients that follow the ledger over HTTP (GET
//! /events/stream).
//!
//! As in `latency.rs`, PostgreSQL records when a refresh was committed; here every client records
//! when the event arrived.

use std::sync::Arc;
use std::time::Duration;

use serde_json::json;
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::TcpStream;
use tokio::sync::Barrier;
use tokio::time::timeout;
use watchword_events::ReceivedEvent;

use crate::Outcome;
use crate::client::Client;
use crate::clock::{now_ms, refreshed_at};
use crate::report::{Row, note};
use crate::rig::Rig;
use crate::stats::percentile;

const CLIENTS: usize = 200;
const EVENTS: usize = 500;
/// The time between two events: 20 events and 4 000 deliveries a second.
const PAUSE: Duration = Duration::from_millis(50);
const TIMEOUT: Duration = Duration::from_secs(60);

pub(crate) async fn measure() -> Outcome<Vec<Row>> {
    let rig = Rig::start().await?;
    let service = rig.service()?;
    let port = service.port();
    let accounts = service.accounts("followed", EVENTS).await?;
    let (_, token) = rig.admin().await?;
    let ready = Arc::new(Barrier::new(CLIENTS + 1));
    let clients: Vec<_> = (0..CLIENTS)
        .map(|_| tokio::spawn(follow(port, token.clone(), Arc::clone(&ready))))
        .collect();
    timeout(TIMEOUT, ready.wait()).await?;
    let mut client = Client::connect(port).await?;
    for account in &accounts {
        let refresh = json!({ "refreshToken": account.refresh });
        client.post("/auth/refresh", &refresh).await?.text("/refreshToken")?;
        tokio::time::sleep(PAUSE).await;
    }
    let commits = refreshed_at(&rig.postgres)?;
    let mut latencies = Vec::with_capacity(CLIENTS * EVENTS);
    for client in clients {
        for (user, arrived) in timeout(TIMEOUT, client).await??? {
            latencies.push(arrived - commits.get(&user).ok_or("a user without a refresh")?);
        }
    }
    let (p50, p99, max) = (percentile(&latencies, 50.0), percentile(&latencies, 99.0), percentile(&latencies, 100.0));
    note(&format!(
        "{} deliveries: p50 {p50:.1} ms, p99 {p99:.1} ms, longest {max:.1} ms",
        latencies.len()
    ));
    Ok(vec![Row {
        what: "Commit → 200 clients of GET /events/stream, 20 events a second",
        target: "p99 ≤ 100 ms",
        measured: format!("p50 {p50:.1} ms, p99 {p99:.1} ms"),
        met: p99 <= 100.0,
    }])
}

/// Returns when each user's refresh arrived, in milliseconds.
async fn follow(port: u16, token: String, ready: Arc<Barrier>) -> Outcome<Vec<(String, f64)>> {
    let mut socket = TcpStream::connect(("127.0.0.1", port)).await?;
    let request = format!(
        "GET /events/stream?subject=auth.user.token_refreshed HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer {token}\r\n\r\n"
    );
    socket.write_all(request.as_bytes()).await?;
    let mut lines = BufReader::new(socket).lines();
    let status = lines.next_line().await?.unwrap_or_default();
    if !status.starts_with("HTTP/1.1 200") {
        return Err(format!("GET /events/stream answers {status}").into());
    }
    // The greeting: events committed from now on arrive.
    while !lines.next_line().await?.ok_or("the stream has ended")?.starts_with(": following") {}
    ready.wait().await;
    let mut seen = Vec::with_capacity(EVENTS);
    while seen.len() < EVENTS {
        let line = timeout(TIMEOUT, lines.next_line()).await??.ok_or("the stream has ended")?;
        if let Some(event) = line.strip_prefix("data: ") {
            let now = now_ms();
            let user = ReceivedEvent::from_json(event.as_bytes())?.user.ok_or("an event without a user")?;
            seen.push((user.id.to_string(), now));
        }
    }
    Ok(seen)
}
