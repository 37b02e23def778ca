//! Memory, start-up time and size of the binary.

use std::time::Duration;

use serde_json::json;

use crate::Outcome;
use crate::client::Client;
use crate::report::{Row, note};
use crate::rig::{PASSWORD, Rig, Scratch, Service, binary};
use crate::stats::median;

const STARTS: usize = 7;
const MIB: f64 = 1024.0 * 1024.0;
/// The wait before the service's memory counts as idle.
const IDLE: Duration = Duration::from_secs(5);
/// The wait after load: free memory returns to the system within ten seconds.
const IDLE_AFTER_LOAD: Duration = Duration::from_secs(15);
/// The memory that a hashing thread keeps after its first hash, in MiB.
const HASH_MIB: f64 = 19.0;

pub(crate) async fn measure() -> Outcome<Vec<Row>> {
    let mut rows = embedded().await?;
    rows.extend(configured().await?);
    let bytes = std::fs::metadata(binary())?.len();
    #[expect(clippy::cast_precision_loss, reason = "a file's size")]
    let size = bytes as f64 / MIB;
    rows.push(Row {
        what: "Release binary",
        target: "≤ 40 MiB",
        measured: format!("{size:.1} MiB"),
        met: size <= 40.0,
    });
    Ok(rows)
}

/// Measures the service without configuration: SQLite and an embedded nats-server.
async fn embedded() -> Outcome<Vec<Row>> {
    let scratch = Scratch::new()?;
    let port = [("WATCHWORD__NATS__EMBEDDED_PORT", crate::rig::free_port().to_string())];
    Service::start(scratch.path(), &port).await?.0.stop().await?;
    let (mut ready, mut idle) = (Vec::new(), Vec::new());
    for start in 0..STARTS {
        let (service, took) = Service::start(scratch.path(), &port).await?;
        ready.push(took.as_secs_f64() * 1000.0);
        if start < 2 {
            tokio::time::sleep(IDLE).await;
            idle.push(service.resident_mib()?);
        }
        service.stop().await?;
    }
    Ok(vec![
        ready_row("Ready after start, SQLite", &ready),
        idle_row("Resident memory, idle, SQLite", &idle),
    ])
}

/// Measures the service with PostgreSQL and NATS, idle and under load.
async fn configured() -> Outcome<Vec<Row>> {
    let mut rig = Rig::without_service().await?;
    let (mut ready, mut idle) = (Vec::new(), Vec::new());
    for start in 0..STARTS {
        let took = rig.start_service().await?;
        ready.push(took.as_secs_f64() * 1000.0);
        if start < 2 {
            tokio::time::sleep(IDLE).await;
            idle.push(rig.service()?.resident_mib()?);
        }
        rig.stop_service().await?;
    }
    rig.start_service().await?;
    let service = rig.service()?;
    load(service).await?;
    tokio::time::sleep(IDLE_AFTER_LOAD).await;
    let after = service.resident_mib()?;
    #[expect(clippy::cast_precision_loss, reason = "a number of cores")]
    let pool = std::thread::available_parallelism()?.get() as f64 * HASH_MIB;
    note(&format!(
        "process {}: {after:.1} MiB after load, of which the hashing pool keeps {pool:.0} MiB",
        service.id()
    ));
    Ok(vec![
        ready_row("Ready after start, PostgreSQL", &ready),
        idle_row("Resident memory, idle, PostgreSQL", &idle),
        Row {
            what: "Resident memory after load, without the hashing pool's",
            target: "≤ 40 MiB",
            measured: format!("{:.1} MiB ({after:.1} MiB with it)", after - pool),
            met: after - pool <= 40.0,
        },
    ])
}

/// Registers, logs in, refreshes and reads, with 64 clients at once.
async fn load(service: &Service) -> Outcome<()> {
    let port = service.port();
    let accounts = service.accounts("load", 256).await?;
    let lanes = accounts.iter().enumerate().map(|(number, account)| async move {
        // A quarter of the clients starts every two seconds, so that the hashing queue refuses
        // none.
        tokio::time::sleep(Duration::from_millis(50 * u64::try_from(number)?)).await;
        let mut client = Client::connect(port).await?;
        let login = json!({ "identifier": format!("load{number}@example.com"), "password": PASSWORD });
        client.post("/auth/login", &login).await?;
        let mut refresh = account.refresh.clone();
        for _ in 0..200 {
            refresh = client
                .post("/auth/refresh", &json!({ "refreshToken": refresh }))
                .await?
                .text("/refreshToken")?;
            for _ in 0..20 {
                client.get("/auth/me", Some(&account.access)).await?;
            }
        }
        Outcome::Ok(())
    });
    futures_util::future::try_join_all(lanes).await?;
    Ok(())
}

fn ready_row(what: &'static str, millis: &[f64]) -> Row {
    let middle = median(millis);
    let longest = millis.iter().copied().fold(0.0, f64::max);
    Row {
        what,
        target: "≤ 300 ms",
        measured: format!("{middle:.0} ms (longest of {STARTS}: {longest:.0} ms)"),
        met: middle <= 300.0,
    }
}

fn idle_row(what: &'static str, mib: &[f64]) -> Row {
    let largest = mib.iter().copied().fold(0.0, f64::max);
    Row {
        what,
        target: "≤ 40 MiB",
        measured: format!("{largest:.1} MiB"),
        met: largest <= 40.0,
    }
}
