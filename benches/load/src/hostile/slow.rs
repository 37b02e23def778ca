//! Thousands of connections that do not go on: how soon they are closed, and whether other clients
//! are answered.

use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::{interval, timeout};
use tokio_util::sync::CancellationToken;

use super::frames::{END_STREAM, HEADERS, frame, get_request, opening};
use super::{allow_open_files, probe_until};
use crate::Outcome;
use crate::report::{Row, note};
use crate::rig::Rig;
use crate::stats::{median, percentile};

const CONNECTIONS: usize = 6000;
/// How soon a slow connection has to be closed.
const LIMIT: Duration = Duration::from_secs(15);
/// When a connection that is still open is given up.
const GIVE_UP: Duration = Duration::from_secs(60);
/// So many connections are opened at once, then after a pause the next. The kernel forgets a
/// connection that its queue has no room for, and a silent client never learns of it.
const OPENING: usize = 10;
const PAUSE: Duration = Duration::from_millis(10);
/// The time between two bytes of a client that sends slowly.
const DRIP: Duration = Duration::from_secs(1);

const HEAD: &[u8] = b"GET /healthz HTTP/1.1\r\nHost: a\r\nX-Filler: ";
const BODY: &[u8] =
    b"POST /auth/login HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: 500\r\n\r\n{";

/// Kinds of slow clients: a name, what they send at first, and what they go on to send byte by
/// byte.
fn kinds() -> Vec<(&'static str, Vec<u8>, &'static [u8])> {
    let unfinished_headers = [opening(&[]), frame(HEADERS, END_STREAM, 1, &[0x82, 0x86])].concat();
    // SETTINGS_INITIAL_WINDOW_SIZE (4) = 0: the answer can never be sent.
    let closed_window = [opening(&[0, 4, 0, 0, 0, 0]), get_request(1, "/healthz")].concat();
    vec![
        ("silent", Vec::new(), b""),
        ("half a head", HEAD.to_vec(), b""),
        ("a head byte by byte", HEAD.to_vec(), b"x"),
        ("half a body", BODY.to_vec(), b""),
        ("a body byte by byte", BODY.to_vec(), b" "),
        ("HTTP/2 without a request", opening(&[]), b""),
        ("half a header block", unfinished_headers, b""),
        ("a closed window", closed_window, b""),
    ]
}

pub(crate) async fn measure() -> Outcome<Vec<Row>> {
    let rig = Rig::start().await?;
    let port = rig.service()?.port();
    allow_open_files()?;
    let stop = CancellationToken::new();
    let slow = async {
        let closed = open_all(port).await;
        stop.cancel();
        closed
    };
    let (closed, probes) = tokio::join!(slow, probe_until(stop.clone(), port));
    let (closed, probes) = (closed?, probes?);
    for (name, took) in &closed {
        note(&format!("{name}: {} closed, the last after {:.1} s", took.len(), percentile(took, 100.0)));
    }
    let took: Vec<f64> = closed.into_iter().flat_map(|(_, took)| took).collect();
    let (longest, p99) = (percentile(&took, 100.0), percentile(&probes, 99.0));
    Ok(vec![
        Row {
            what: "6 000 slow connections, closed",
            target: "≤ 15 s",
            measured: format!("{} of {CONNECTIONS}, the last after {longest:.1} s", took.len()),
            met: took.len() == CONNECTIONS && longest <= LIMIT.as_secs_f64(),
        },
        Row {
            what: "`GET /healthz` at the same time, each through a new connection, p99",
            target: "≤ 100 ms",
            measured: format!("p50 {:.1} ms, p99 {p99:.1} ms of {}", median(&probes), probes.len()),
            met: p99 <= 100.0,
        },
    ])
}

/// Opens all connections. Returns for each kind after how many seconds each was closed.
async fn open_all(port: u16) -> Outcome<Vec<(&'static str, Vec<f64>)>> {
    let kinds = kinds();
    let mut tasks = tokio::task::JoinSet::new();
    for number in 0..CONNECTIONS {
        if number % OPENING == 0 {
            tokio::time::sleep(PAUSE).await;
        }
        let index = number % kinds.len();
        let (_, first, more) = kinds.get(index).ok_or("no kind")?.clone();
        tasks.spawn(async move {
            let socket = TcpStream::connect(("127.0.0.1", port)).await?;
            let begun = Instant::now();
            let closed = timeout(GIVE_UP, until_closed(socket, &first, more)).await.is_ok();
            Outcome::Ok((index, closed.then(|| begun.elapsed().as_secs_f64())))
        });
    }
    let mut closed: Vec<(&'static str, Vec<f64>)> = kinds.iter().map(|(name, ..)| (*name, Vec::new())).collect();
    while let Some(task) = tasks.join_next().await {
        let (index, took) = task??;
        if let Some((_, all)) = closed.get_mut(index) {
            all.extend(took);
        }
    }
    Ok(closed)
}

/// Sends `first`, then `more` again and again, and reads until the server closes. A reset counts.
async fn until_closed(mut socket: TcpStream, first: &[u8], more: &[u8]) {
    if socket.write_all(first).await.is_err() {
        return;
    }
    let (mut pace, mut buffer) = (interval(DRIP), [0_u8; 1024]);
    loop {
        tokio::select! {
            read = socket.read(&mut buffer) => {
                if !read.is_ok_and(|count| count > 0) {
                    return;
                }
            }
            _ = pace.tick(), if !more.is_empty() => {
                if socket.write_all(more).await.is_err() {
                    return;
                }
            }
        }
    }
}
