//! Latency of a GET, one request after another.

use std::time::Instant;

use crate::Outcome;
use crate::client::Client;
use crate::report::{Row, note};
use crate::stats::percentile;

/// How many requests are measured.
const REQUESTS: u64 = 300;
/// The first requests warm up connections, plans and caches, and are not measured.
const WARM_UP: u64 = 20;

/// Measures requests to `path(n)`, where `n` counts from 0.
pub(crate) async fn measure(
    client: &mut Client,
    access: &str,
    what: &'static str,
    path: impl Fn(u64) -> String,
) -> Outcome<Row> {
    let times = times(client, access, path).await?;
    let (p50, p99) = (percentile(&times, 50.0), percentile(&times, 99.0));
    note(&format!(
        "{what}: p50 {p50:.1} ms, p99 {p99:.1} ms, longest {:.1} ms",
        percentile(&times, 100.0)
    ));
    Ok(Row {
        what,
        target: "p99 ≤ 50 ms",
        measured: format!("p50 {p50:.1} ms, p99 {p99:.1} ms"),
        met: p99 <= 50.0,
    })
}

/// Returns the milliseconds that each request to `path(n)` took.
pub(crate) async fn times(client: &mut Client, access: &str, path: impl Fn(u64) -> String) -> Outcome<Vec<f64>> {
    let mut times = Vec::new();
    for n in 0..WARM_UP + REQUESTS {
        let path = path(n);
        let started = Instant::now();
        let response = client.get(&path, Some(access)).await?;
        if response.status != 200 {
            return Err(format!("{path}: status {}", response.status).into());
        }
        if n >= WARM_UP {
            times.push(started.elapsed().as_secs_f64() * 1000.0);
        }
    }
    Ok(times)
}
