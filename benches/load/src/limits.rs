//! The cost of rate limits: POST /auth/refresh with and without them, counted in Redis and in
//! memory, measured in turns.

use std::time::{Duration, Instant};

use crate::Outcome;
use crate::refresh::refresh_for;
use crate::report::{Row, note};
use crate::rig::{Account, Redis, Rig, Service};
use crate::stats::{list, median};

const ROUNDS: usize = 5;
const ROUND: Duration = Duration::from_secs(5);
/// As many clients as the service has connections to the database.
const CLIENTS: usize = 16;
/// A quota that refuses no request.
const PLENTY: &str = "1000000/1m";

pub(crate) async fn measure() -> Outcome<Vec<Row>> {
    let rig = Rig::without_service().await?;
    let redis = Redis::start(rig.scratch()).await?;
    let in_process = compare(&rig, "in the process", &[]).await?;
    // Both sides use the denylist in Redis.
    let in_redis = compare(&rig, "in Redis", &[("REDIS_URL", redis.url())]).await?;
    Ok(vec![
        row("POST /auth/refresh with limits in the process / without limits", in_process),
        row("POST /auth/refresh with limits in Redis / without limits", in_redis),
    ])
}

fn row(what: &'static str, (with, without, ratio): (f64, f64, f64)) -> Row {
    Row {
        what,
        target: "≥ 95 %",
        measured: format!("{:.1} % ({with:.0} of {without:.0} a second)", ratio * 100.0),
        met: ratio >= 0.95,
    }
}

/// Measures a service with limits and one without, over one database, in turns. Each is started for
/// its turn, so that each publishes its own events. Returns their rates, and the median of the
/// ratios.
async fn compare(rig: &Rig, place: &str, environment: &[(&str, String)]) -> Outcome<(f64, f64, f64)> {
    let mut accounts: Option<Vec<Account>> = None;
    let (mut with, mut without) = (Vec::new(), Vec::new());
    for round in 0..=ROUNDS {
        // Each side is first equally often. The first round warms up the servers.
        let first = round % 2 == 0;
        for limits in [first, !first] {
            let service = start(rig, environment, limits).await?;
            let mut made = match accounts.take() {
                Some(accounts) => accounts,
                None => service.accounts(&format!("limits{}-", service.port()), CLIENTS).await?,
            };
            let rate = refreshes(&service, &mut made).await?;
            accounts = Some(made);
            service.stop().await?;
            if round > 0 {
                if limits { with.push(rate) } else { without.push(rate) }
            }
        }
    }
    note(&format!("{place}: refreshes/s with limits {}; without {}", list(&with), list(&without)));
    let ratios: Vec<f64> = with.iter().zip(&without).map(|(with, without)| with / without).collect();
    Ok((median(&with), median(&without), median(&ratios)))
}

async fn start(rig: &Rig, environment: &[(&str, String)], limits: bool) -> Outcome<Service> {
    let mut environment = environment.to_vec();
    environment.push(("DATABASE_URL", rig.postgres.url()));
    environment.push(("NATS_URL", rig.nats.url()));
    environment.push(("WATCHWORD__LIMITS__ENABLED", limits.to_string()));
    environment.push(("WATCHWORD__LIMITS__REFRESH", PLENTY.to_owned()));
    environment.push(("WATCHWORD__LIMITS__REGISTER", PLENTY.to_owned()));
    Ok(Service::start(rig.scratch(), &environment).await?.0)
}

async fn refreshes(service: &Service, accounts: &mut [Account]) -> Outcome<f64> {
    let (port, started) = (service.port(), Instant::now());
    let lanes = accounts.iter_mut().map(|account| refresh_for(port, account, ROUND));
    let refreshed: f64 = futures_util::future::try_join_all(lanes).await?.iter().sum();
    Ok(refreshed / started.elapsed().as_secs_f64())
}
