//! Clients that attack: more logins than can be hashed, connections that do not go on, streams
//! that are reset, and all of it for a long time.

pub(crate) mod flood;
mod frames;
pub(crate) mod resets;
pub(crate) mod slow;
pub(crate) mod soak;

use std::time::{Duration, Instant};

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use serde_json::json;
use tokio_util::sync::CancellationToken;

use crate::Outcome;
use crate::client::Client;
use crate::rig::Account;

/// The wait between two requests of a well-behaved client.
const PAUSE: Duration = Duration::from_millis(20);

/// Allows this program as many open files as the system lets it have.
fn allow_open_files() -> Outcome<()> {
    let Rlimit { maximum, .. } = getrlimit(Resource::Nofile);
    Ok(setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum })?)
}

/// Refreshes a session again and again until `stop`. Returns how long each refresh took, in
/// milliseconds.
async fn refresh_until(stop: CancellationToken, port: u16, account: &mut Account) -> Outcome<Vec<f64>> {
    let mut client = Client::connect(port).await?;
    let mut took = Vec::new();
    while !stop.is_cancelled() {
        let begun = Instant::now();
        let answer = client.post("/auth/refresh", &json!({ "refreshToken": account.refresh })).await?;
        took.push(milliseconds(begun));
        account.refresh = answer.text("/refreshToken")?;
        tokio::time::sleep(PAUSE).await;
    }
    Ok(took)
}

/// Asks for `/healthz` until `stop`, each time through a new connection. Returns how long each
/// answer took, in milliseconds.
async fn probe_until(stop: CancellationToken, port: u16) -> Outcome<Vec<f64>> {
    let mut took = Vec::new();
    while !stop.is_cancelled() {
        let begun = Instant::now();
        let status = Client::connect(port).await?.get("/healthz", None).await?.status;
        if status != 200 {
            return Err(format!("/healthz answers {status}").into());
        }
        took.push(milliseconds(begun));
        tokio::time::sleep(PAUSE).await;
    }
    Ok(took)
}

fn milliseconds(begun: Instant) -> f64 {
    begun.elapsed().as_secs_f64() * 1000.0
}
