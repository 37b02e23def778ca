//! One GET request, sent again and again with other values.

use std::time::Instant;

use crate::Outcome;
use crate::client::Client;
use crate::report::{Row, note};
use crate::stats::percentile;

/// Requests that are measured.
const REQUESTS: u64 = 300;
/// Requests before them, which warm up connections, plans and caches.
const WARM_UP: u64 = 20;

/// Measures how long the answers take. `path` is that of the n-th request.
pub(crate) async fn ask(
    client: &mut Client,
    access: &str,
    what: &'static str,
    path: impl Fn(u64) -> String,
) -> Outcome<Row> {
    let mut times = Vec::new();
    for n in 0..WARM_UP + REQUESTS {
        let path = path(n);
        let asked = Instant::now();
        let answer = client.get(&path, Some(access)).await?;
        if answer.status != 200 {
            return Err(format!("{path}: status {}", answer.status).into());
        }
        if n >= WARM_UP {
            times.push(asked.elapsed().as_secs_f64() * 1000.0);
        }
    }
    let (middle, slow) = (percentile(&times, 50.0), percentile(&times, 99.0));
    note(&format!(
        "{what}: p50 {middle:.1} ms, p99 {slow:.1} ms, longest {:.1} ms",
        percentile(&times, 100.0)
    ));
    Ok(Row {
        what,
        target: "p99 ≤ 50 ms",
        measured: format!("p50 {middle:.1} ms, p99 {slow:.1} ms"),
        met: slow <= 50.0,
    })
}
