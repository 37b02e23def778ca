//! Ten times as many logins as the service can hash: how many it still serves, how soon it refuses
//! the others, and what that costs clients who need no hash.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use futures_util::future::try_join_all;
use serde_json::json;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;

use super::{allow_open_files, milliseconds, refresh_until};
use crate::Outcome;
use crate::client::Client;
use crate::report::{Row, note};
use crate::rig::{Account, PASSWORD, Rig};
use crate::stats::{list, median, percentile};

const ROUNDS: usize = 3;
/// How long the peak is measured, and then the flood.
const PEAK: Duration = Duration::from_secs(5);
const FLOOD: Duration = Duration::from_secs(10);
/// How many times the peak the flood is.
const TIMES: f64 = 10.0;
/// Enough clients to keep every core hashing, few enough that none waits long.
const CLIENTS: usize = 8;
const ACCOUNTS: u64 = 64;
/// The most requests of the flood at once.
const MAX_IN_FLIGHT: usize = 4000;
/// How often the flood catches up with its rate.
const TICK: Duration = Duration::from_millis(5);

pub(crate) async fn measure() -> Outcome<Vec<Row>> {
    let rig = Rig::start().await?;
    let service = rig.service()?;
    let port = service.port();
    service.accounts("flood", usize::try_from(ACCOUNTS)?).await?;
    let mut others = service.accounts("other", 4).await?;
    allow_open_files()?;
    let (mut peaks, mut served, mut ratios) = (Vec::new(), Vec::new(), Vec::new());
    let (mut refused, mut refreshes) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        let peak = peak(port).await?;
        let (flood, mut while_flooded) = flooded(port, peak * TIMES, &mut others).await?;
        note(&format!(
            "{:.0} logins/s at most; flood of {:.0}/s: {:.0} served a second, p99 {:.0} ms; {} refused, p99 {:.1} ms",
            peak,
            flood.offered,
            flood.served_rate(),
            percentile(&flood.served, 99.0),
            flood.refused.len(),
            percentile(&flood.refused, 99.0),
        ));
        peaks.push(peak);
        served.push(flood.served_rate());
        ratios.push(flood.served_rate() / peak);
        refused.extend(flood.refused);
        refreshes.append(&mut while_flooded);
    }
    note(&format!("logins/s at most: {}; under the flood: {}", list(&peaks), list(&served)));
    let ratio = median(&ratios);
    Ok(vec![
        Row {
            what: "Logins served in a flood of 10 times as many / at most",
            target: "≥ 80 %",
            measured: format!("{:.0} % ({:.0} of {:.0} a second)", ratio * 100.0, median(&served), median(&peaks)),
            met: ratio >= 0.8,
        },
        latency_row("Refused logins of the flood, p99", "≤ 50 ms", 50.0, &refused),
        latency_row("`POST /auth/refresh` during the flood, p99", "≤ 100 ms", 100.0, &refreshes),
    ])
}

fn latency_row(what: &'static str, target: &'static str, limit: f64, took: &[f64]) -> Row {
    let p99 = percentile(took, 99.0);
    Row {
        what,
        target,
        measured: format!("p50 {:.1} ms, p99 {p99:.1} ms of {}", median(took), took.len()),
        met: p99 <= limit && !took.is_empty(),
    }
}

/// Returns the logins per second of clients that wait for their answer.
async fn peak(port: u16) -> Outcome<f64> {
    let (next, begun) = (AtomicU64::new(0), Instant::now());
    let clients = (0..CLIENTS).map(|_| async {
        let mut client = Client::connect(port).await?;
        let mut answered = 0.0;
        while begun.elapsed() < PEAK {
            let status = login(&mut client, next.fetch_add(1, Ordering::Relaxed)).await?;
            match status {
                200 => answered += 1.0,
                // On a machine that does other work, even these may be too many.
                503 => tokio::time::sleep(TICK).await,
                other => return Err(format!("a login answers {other}").into()),
            }
        }
        Outcome::Ok(answered)
    });
    let answered: f64 = try_join_all(clients).await?.iter().sum();
    Ok(answered / begun.elapsed().as_secs_f64())
}

async fn login(client: &mut Client, number: u64) -> Outcome<u16> {
    let identifier = format!("flood{}@example.com", number % ACCOUNTS);
    let answer = client
        .post("/auth/login", &json!({ "identifier": identifier, "password": PASSWORD }))
        .await?;
    Ok(answer.status)
}

/// The answers of a flood: how long each took, in milliseconds.
#[derive(Default)]
struct Answers {
    /// Requests a second.
    offered: f64,
    served: Vec<f64>,
    refused: Vec<f64>,
}

impl Answers {
    fn served_rate(&self) -> f64 {
        f64::from(u32::try_from(self.served.len()).unwrap_or(u32::MAX)) / FLOOD.as_secs_f64()
    }
}

/// Floods the service while others refresh their sessions. Returns the answers, and how long the
/// refreshes took.
async fn flooded(port: u16, rate: f64, others: &mut [Account]) -> Outcome<(Answers, Vec<f64>)> {
    let stop = CancellationToken::new();
    let refreshes = try_join_all(others.iter_mut().map(|account| refresh_until(stop.clone(), port, account)));
    let flood = async {
        let answers = flood(port, rate).await;
        stop.cancel();
        answers
    };
    let (answers, refreshes) = tokio::join!(flood, refreshes);
    Ok((answers?, refreshes?.concat()))
}

/// Sends logins at a rate that does not depend on the answers.
async fn flood(port: u16, rate: f64) -> Outcome<Answers> {
    let state = Arc::new((Mutex::new(Vec::<Client>::new()), Mutex::new(Answers::default())));
    let in_flight = Arc::new(Semaphore::new(MAX_IN_FLIGHT));
    let mut tasks = tokio::task::JoinSet::new();
    let (begun, mut sent) = (Instant::now(), 0_u64);
    let mut tick = tokio::time::interval(TICK);
    while begun.elapsed() < FLOOD {
        tick.tick().await;
        while number(sent) < rate * begun.elapsed().as_secs_f64() {
            let permit = Arc::clone(&in_flight).acquire_owned().await?;
            let (state, number) = (Arc::clone(&state), sent);
            tasks.spawn(async move {
                let sent_at = Instant::now();
                let idle = lock(&state.0).pop();
                let mut client = match idle {
                    Some(client) => client,
                    None => Client::connect(port).await?,
                };
                let status = login(&mut client, number).await?;
                let took = milliseconds(sent_at);
                lock(&state.0).push(client);
                let mut answers = lock(&state.1);
                match status {
                    // What is answered after the end is no part of the rate.
                    200 if begun.elapsed() < FLOOD => answers.served.push(took),
                    200 => {}
                    503 => answers.refused.push(took),
                    other => return Err(format!("a login answers {other}").into()),
                }
                drop(permit);
                Outcome::Ok(())
            });
            sent += 1;
        }
    }
    let offered = number(sent) / begun.elapsed().as_secs_f64();
    while let Some(task) = tasks.join_next().await {
        task??;
    }
    let answers = std::mem::take(&mut *lock(&state.1));
    Ok(Answers { offered, ..answers })
}

#[expect(clippy::cast_precision_loss, reason = "a number of requests")]
const fn number(count: u64) -> f64 {
    count as f64
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
