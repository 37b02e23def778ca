//! Logins and registrations per second, against what the cores can hash with the same parameters.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use argon2::{Algorithm, Argon2, Block, Params, Version};
use serde_json::json;

use crate::Outcome;
use crate::client::Client;
use crate::report::{Row, note};
use crate::rig::{PASSWORD, Rig};
use crate::stats::{list, median};

const ROUNDS: usize = 5;
const ROUND: Duration = Duration::from_secs(5);
/// The number of clients: enough to keep every core hashing, few enough that no request waits long.
const CLIENTS: usize = 8;
/// The service's default parameters: KiB, passes, lanes.
const PARAMS: (u32, u32, u32) = (19_456, 2, 1);

pub(crate) async fn measure() -> Outcome<Vec<Row>> {
    let rig = Rig::start().await?;
    let service = rig.service()?;
    let port = service.port();
    service.accounts("login", 64).await?;
    let (mut raw, mut logins, mut registrations) = (Vec::new(), Vec::new(), Vec::new());
    let next = Arc::new(AtomicU64::new(0));
    for _ in 0..ROUNDS {
        raw.push(tokio::task::spawn_blocking(raw_hashes).await??);
        logins.push(
            requests(port, &next, 200, |n| {
                (
                    "/auth/login",
                    json!({ "identifier": format!("login{}@example.com", n % 64), "password": PASSWORD }),
                )
            })
            .await?,
        );
        registrations.push(
            requests(port, &next, 201, |n| {
                (
                    "/auth/register",
                    json!({ "email": format!("new{n}@example.com"), "password": PASSWORD, "name": "Ada" }),
                )
            })
            .await?,
        );
    }
    note(&format!(
        "raw hashes/s: {}; logins/s: {}; registrations/s: {}",
        list(&raw),
        list(&logins),
        list(&registrations)
    ));
    Ok(vec![
        row("POST /auth/login / raw argon2 on all cores", &logins, &raw),
        row("POST /auth/register / raw argon2 on all cores", &registrations, &raw),
    ])
}

fn row(what: &'static str, rates: &[f64], raw: &[f64]) -> Row {
    let ratios: Vec<f64> = rates.iter().zip(raw).map(|(rate, raw)| rate / raw).collect();
    let ratio = median(&ratios);
    Row {
        what,
        target: "≥ 90 %",
        measured: format!("{:.0} % ({:.1}/s of {:.1}/s)", ratio * 100.0, median(rates), median(raw)),
        met: ratio >= 0.9,
    }
}

/// Returns the hashes per second of all cores, each with its own memory, allocated once.
fn raw_hashes() -> Outcome<f64> {
    let cores = thread::available_parallelism()?.get();
    let threads: Vec<_> = (0..cores).map(|_| thread::spawn(|| raw_of_one_core(ROUND))).collect();
    let mut sum = 0.0;
    for thread in threads {
        sum += thread.join().map_err(|_| "a hashing thread panicked")??;
    }
    Ok(sum)
}

fn raw_of_one_core(time: Duration) -> Outcome<f64> {
    let (memory, passes, lanes) = PARAMS;
    let params = Params::new(memory, passes, lanes, Some(32)).map_err(|error| error.to_string())?;
    let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
    let mut blocks = vec![Block::new(); usize::try_from(memory)?];
    let (mut output, mut hashes, started) = ([0_u8; 32], 0.0, Instant::now());
    while started.elapsed() < time {
        argon2
            .hash_password_into_with_memory(PASSWORD.as_bytes(), b"sixteen bytes...", &mut output, &mut blocks)
            .map_err(|error| error.to_string())?;
        hashes += 1.0;
    }
    Ok(hashes / started.elapsed().as_secs_f64())
}

/// Returns the requests per second of all clients. Any other status is an error.
async fn requests(
    port: u16,
    next: &AtomicU64,
    status: u16,
    request: impl Fn(u64) -> (&'static str, serde_json::Value) + Copy,
) -> Outcome<f64> {
    let started = Instant::now();
    let clients = (0..CLIENTS).map(|_| async move {
        let mut client = Client::connect(port).await?;
        let mut answered = 0.0;
        while started.elapsed() < ROUND {
            let (path, body) = request(next.fetch_add(1, Ordering::Relaxed));
            let answer = client.post(path, &body).await?;
            if answer.status != status {
                return Err(format!("{path} answers {}", answer.status).into());
            }
            answered += 1.0;
        }
        Outcome::Ok(answered)
    });
    let answered: f64 = futures_util::future::try_join_all(clients).await?.iter().sum();
    Ok(answered / started.elapsed().as_secs_f64())
}
