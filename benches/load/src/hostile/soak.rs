//! Everything at once for a long time, and then nothing: memory, open files and backlog return to
//! what they were. `WATCHWORD_BENCH_SOAK_MINUTES` says how long.

use std::time::{Duration, Instant};

use futures_util::future::try_join_all;
use serde_json::json;
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;

use crate::Outcome;
use crate::client::Client;
use crate::report::{Row, note};
use crate::rig::{PASSWORD, Rig, Service, register};

const MINUTES: u64 = 2;
/// Clients of each kind.
const CLIENTS: u32 = 4;
/// Load before the first measurement, so that what stays after any load does not count.
const WARM_UP: Duration = Duration::from_secs(30);
/// The wait before a measurement: free memory returns to the system within ten seconds, and slow
/// connections are closed.
const IDLE: Duration = Duration::from_secs(20);
/// The time between two notes.
const NOTE_INTERVAL: Duration = Duration::from_secs(60);
/// The time between two connections of a client that sends no request.
const SILENT_INTERVAL: Duration = Duration::from_millis(200);

/// What the service holds.
struct Held {
    mib: f64,
    files: f64,
    backlog: f64,
}

pub(crate) async fn measure() -> Outcome<Vec<Row>> {
    let minutes = match std::env::var("WATCHWORD_BENCH_SOAK_MINUTES") {
        Ok(text) => text.parse()?,
        Err(_) => MINUTES,
    };
    let rig = Rig::start().await?;
    let service = rig.service()?;
    load(&rig, WARM_UP).await?;
    tokio::time::sleep(IDLE).await;
    let before = held(&rig, service)?;
    let requests = load(&rig, Duration::from_secs(minutes * 60)).await?;
    tokio::time::sleep(IDLE).await;
    let after = held(&rig, service)?;
    note(&format!("{requests} requests in {minutes} minutes"));
    let row = |what, target, measured, met| Row { what, target, measured, met };
    Ok(vec![
        row(
            "Soak: resident memory after / before",
            "≤ 110 %",
            format!(
                "{:.0} % ({:.1} of {:.1} MiB; {minutes} minutes)",
                after.mib / before.mib * 100.0,
                after.mib,
                before.mib
            ),
            after.mib <= before.mib * 1.1,
        ),
        row(
            "Soak: open files, more than before",
            "≤ 2",
            format!("{:.0} (of {:.0})", after.files - before.files, before.files),
            after.files <= before.files + 2.0,
        ),
        row(
            "Soak: events that are not published",
            "0",
            format!("{:.0}", after.backlog),
            after.backlog == 0.0,
        ),
    ])
}

fn held(rig: &Rig, service: &Service) -> Outcome<Held> {
    let files = std::fs::read_dir(format!("/proc/{}/fd", service.id()))?.count();
    Ok(Held {
        mib: service.resident_mib()?,
        files: f64::from(u32::try_from(files)?),
        backlog: rig
            .postgres
            .number("SELECT count(*) FROM events WHERE seq > (SELECT seq FROM relay_position)")?,
    })
}

/// Runs all kinds of clients for `time`. Returns the number of answered requests.
async fn load(rig: &Rig, time: Duration) -> Outcome<u64> {
    let (service, begun) = (rig.service()?, Instant::now());
    let port = service.port();
    let lives = try_join_all((0..CLIENTS).map(|number| lives(port, number, begun, time)));
    let silent = try_join_all((0..CLIENTS).map(|_| silent(port, begun, time)));
    let notes = async {
        while begun.elapsed() + NOTE_INTERVAL < time {
            tokio::time::sleep(NOTE_INTERVAL).await;
            let Held { mib, files, backlog } = held(rig, service)?;
            note(&format!(
                "{:.0} s: {mib:.1} MiB, {files} open files, {backlog} events behind",
                begun.elapsed().as_secs_f64()
            ));
        }
        Outcome::Ok(())
    };
    let (answered, _, ()) = tokio::try_join!(lives, silent, notes)?;
    Ok(answered.iter().sum())
}

/// Registers account after account, and uses each in every way.
async fn lives(port: u16, client_number: u32, begun: Instant, time: Duration) -> Outcome<u64> {
    let mut answered = 0;
    while begun.elapsed() < time {
        // Every account through a new connection.
        let mut client = Client::connect(port).await?;
        let email = format!("soak{client_number}.{}@example.com", begun.elapsed().as_nanos());
        let email = format!("{}.{email}", std::process::id());
        let mut account = register(&mut client, &email).await?;
        let login = json!({ "identifier": email, "password": PASSWORD });
        let wrong = json!({ "identifier": email, "password": "not the passphrase" });
        for _ in 0..20 {
            client.get("/auth/me", Some(&account.access)).await?;
            let answer = client.post("/auth/refresh", &json!({ "refreshToken": account.refresh })).await?;
            account.refresh = answer.text("/refreshToken")?;
            account.access = answer.text("/accessToken")?;
        }
        client.post("/auth/login", &wrong).await?;
        let session = client.post("/auth/login", &login).await?.text("/refreshToken")?;
        client.post("/auth/logout", &json!({ "refreshToken": session })).await?;
        answered += 44;
    }
    Ok(answered)
}

/// Opens connections, and sends half a request on each or follows no answer.
async fn silent(port: u16, begun: Instant, time: Duration) -> Outcome<()> {
    let mut open = std::collections::VecDeque::new();
    while begun.elapsed() < time {
        let mut socket = TcpStream::connect(("127.0.0.1", port)).await?;
        socket.write_all(b"GET /healthz HTTP/1.1\r\nHost: a\r\n").await?;
        open.push_back(socket);
        if open.len() > 100 {
            open.pop_front();
        }
        tokio::time::sleep(SILENT_INTERVAL).await;
    }
    Ok(())
}
