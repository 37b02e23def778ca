//! Floods of HTTP/2 frames that cost the sender little: streams reset at once, streams that the
//! server has to reset, header blocks without an end, pings, settings. Other clients are answered
//! at the same time, and no memory stays.

use std::time::{Duration, Instant};

use futures_util::future::{join_all, try_join_all};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use super::frames::{
    CONTINUATION, END_STREAM, HEADERS, PING, RST_STREAM, SETTINGS, WINDOW_UPDATE, frame, get_request, opening,
};
use super::{probe_until, refresh_until};
use crate::Outcome;
use crate::report::{Row, note};
use crate::rig::Rig;
use crate::stats::{median, percentile};

/// How long each flood lasts.
const FLOOD: Duration = Duration::from_secs(5);
const ATTACKERS: usize = 8;
/// Frames that are written at once.
const BATCH: u32 = 200;
/// The wait after a connection that the server has closed.
const RECONNECT: Duration = Duration::from_millis(1);
/// The wait before the memory is measured: free memory returns to the system within ten seconds.
const IDLE: Duration = Duration::from_secs(15);

/// Makes the frames of a flood: the first, the second and so on.
type Attack = fn(u32) -> Vec<u8>;

const FLOODS: &[(&str, Attack)] = &[
    ("streams that the client resets", reset_by_client),
    ("streams that the server has to reset", reset_by_server),
    ("a header block without an end", endless_headers),
    ("pings", |number| frame(PING, 0, 0, &u64::from(number).to_be_bytes())),
    ("settings", |_| frame(SETTINGS, 0, 0, &[0, 4, 0, 0, 0xff, 0xff])),
];

/// A request, and its reset.
fn reset_by_client(number: u32) -> Vec<u8> {
    let stream = number * 2 + 1;
    [
        get_request(stream, "/.well-known/jwks.json"),
        frame(RST_STREAM, 0, stream, &8_u32.to_be_bytes()),
    ]
    .concat()
}

/// A request, and a window update of 0, which is an error of the stream.
fn reset_by_server(number: u32) -> Vec<u8> {
    let stream = number * 2 + 1;
    [
        get_request(stream, "/.well-known/jwks.json"),
        frame(WINDOW_UPDATE, 0, stream, &[0; 4]),
    ]
    .concat()
}

fn endless_headers(number: u32) -> Vec<u8> {
    // A header field that is not indexed, and its name and value without compression.
    let field = [&[0x00, 1, b'x', 100][..], &[b'y'; 100]].concat();
    match number {
        0 => frame(HEADERS, END_STREAM, 1, &[0x82, 0x86]),
        _ => frame(CONTINUATION, 0, 1, &field),
    }
}

pub(crate) async fn measure() -> Outcome<Vec<Row>> {
    let rig = Rig::start().await?;
    let service = rig.service()?;
    let port = service.port();
    let mut others = service.accounts("other", 2).await?;
    // Once before, so that the memory that stays after the first load does not count.
    under_flood(port, FLOODS.first().ok_or("no flood")?.1).await;
    tokio::time::sleep(IDLE).await;
    let before = service.resident_mib()?;
    let (mut probes, mut refreshes) = (Vec::new(), Vec::new());
    for (name, attack) in FLOODS {
        let stop = CancellationToken::new();
        let flood = async {
            let connections = under_flood(port, *attack).await;
            stop.cancel();
            connections
        };
        let refresh = try_join_all(others.iter_mut().map(|account| refresh_until(stop.clone(), port, account)));
        let (connections, probed, refreshed) = tokio::join!(flood, probe_until(stop.clone(), port), refresh);
        let (probed, refreshed) = (probed?, refreshed?.concat());
        note(&format!(
            "{name}: {connections} connections ended; /healthz p99 {:.1} ms, refresh p99 {:.1} ms; {:.1} MiB",
            percentile(&probed, 99.0),
            percentile(&refreshed, 99.0),
            service.resident_mib()?,
        ));
        probes.extend(probed);
        refreshes.extend(refreshed);
    }
    tokio::time::sleep(IDLE).await;
    let grown = service.resident_mib()? - before;
    let row = |what, took: &[f64]| {
        let p99 = percentile(took, 99.0);
        Row {
            what,
            target: "≤ 100 ms",
            measured: format!("p50 {:.1} ms, p99 {p99:.1} ms", median(took)),
            met: p99 <= 100.0,
        }
    };
    Ok(vec![
        row("`GET /healthz` during floods of HTTP/2 frames, p99", &probes),
        row("`POST /auth/refresh` during them, p99", &refreshes),
        Row {
            what: "Resident memory after them, more than before",
            target: "≤ 10 MiB",
            measured: format!("{grown:.1} MiB of {before:.1} MiB"),
            met: grown <= 10.0,
        },
    ])
}

/// Floods the service. Returns how many connections it has ended.
async fn under_flood(port: u16, attack: Attack) -> u64 {
    let begun = Instant::now();
    let attackers = (0..ATTACKERS).map(|_| async move {
        let mut ended = 0;
        while begun.elapsed() < FLOOD {
            let left = FLOOD.saturating_sub(begun.elapsed());
            if timeout(left, connection(port, attack)).await.is_ok() {
                ended += 1;
            }
            tokio::time::sleep(RECONNECT).await;
        }
        ended
    });
    join_all(attackers).await.iter().sum()
}

/// Floods one connection until the server ends it.
async fn connection(port: u16, attack: Attack) {
    let Ok(mut socket) = TcpStream::connect(("127.0.0.1", port)).await else {
        return;
    };
    let (mut reader, mut writer) = socket.split();
    let write = async {
        let mut bytes = opening(&[]);
        let mut number = 0;
        while writer.write_all(&bytes).await.is_ok() {
            bytes = (number..number + BATCH).flat_map(attack).collect();
            number += BATCH;
        }
    };
    let read = async {
        let mut buffer = vec![0_u8; 64 * 1024];
        while reader.read(&mut buffer).await.is_ok_and(|count| count > 0) {}
    };
    tokio::select! {
        () = write => {}
        () = read => {}
    }
}
