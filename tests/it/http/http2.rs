//! HTTP/2 without TLS, in raw frames.

use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::api::{BEFORE_OTHER_TIMEOUTS, SHORT, edge_settings, long_timeouts, start, start_with};
use super::raw::get;

const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
const DATA: u8 = 0;
const HEADERS: u8 = 1;
const RST_STREAM: u8 = 3;
const SETTINGS: u8 = 4;
const GOAWAY: u8 = 7;
const END_STREAM: u8 = 1;
const END_HEADERS: u8 = 4;

fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let mut frame = u32::try_from(payload.len()).unwrap().to_be_bytes()[1..].to_vec();
    frame.extend_from_slice(&[kind, flags]);
    frame.extend_from_slice(&stream.to_be_bytes());
    frame.extend_from_slice(payload);
    frame
}

/// `GET path` in HPACK without compression. RFC 7541 appendix A: index 2 is GET, 6 is http, 4 and 1
/// are the names of the path and the authority.
fn get_request(stream: u32, path: &str) -> Vec<u8> {
    let mut block = vec![0x82, 0x86, 0x04, u8::try_from(path.len()).unwrap()];
    block.extend_from_slice(path.as_bytes());
    block.extend_from_slice(&[0x01, 1, b'a']);
    frame(HEADERS, END_STREAM | END_HEADERS, stream, &block)
}

async fn connect(address: SocketAddr) -> TcpStream {
    let mut socket = TcpStream::connect(address).await.unwrap();
    socket.write_all(PREFACE).await.unwrap();
    socket.write_all(&frame(SETTINGS, 0, 0, &[])).await.unwrap();
    socket
}

/// Connects as a client that never lets the server send a byte of a body.
async fn connect_without_window(address: SocketAddr) -> TcpStream {
    let mut socket = TcpStream::connect(address).await.unwrap();
    socket.write_all(PREFACE).await.unwrap();
    // SETTINGS_INITIAL_WINDOW_SIZE (4) = 0.
    socket.write_all(&frame(SETTINGS, 0, 0, &[0, 4, 0, 0, 0, 0])).await.unwrap();
    socket
}

/// Reads the next frame: its type, flags, stream and payload. `None` at the end.
async fn read_frame(socket: &mut TcpStream) -> Option<(u8, u8, u32, Vec<u8>)> {
    let mut head = [0_u8; 9];
    timeout(BEFORE_OTHER_TIMEOUTS, socket.read_exact(&mut head))
        .await
        .expect("a frame or the end")
        .ok()?;
    let length = u32::from_be_bytes([0, head[0], head[1], head[2]]);
    let mut payload = vec![0; usize::try_from(length).unwrap()];
    socket.read_exact(&mut payload).await.ok()?;
    Some((head[3], head[4], u32::from_be_bytes([head[5], head[6], head[7], head[8]]), payload))
}

#[tokio::test]
async fn requests_are_served_over_http2() {
    let mut server = long_timeouts();
    server.idle_timeout = Duration::from_secs(2);
    let app = start_with(server, edge_settings()).await;
    let mut socket = connect(app.address).await;
    for stream in [1, 3, 5] {
        socket.write_all(&get_request(stream, "/base/ok")).await.unwrap();
        let mut body = Vec::new();
        loop {
            let (kind, flags, of, payload) = read_frame(&mut socket).await.unwrap();
            if kind == DATA && of == stream {
                body.extend_from_slice(&payload);
            }
            if of == stream && flags & END_STREAM != 0 {
                break;
            }
        }
        assert_eq!(body, b"ok");
    }
    // After the idle timeout the server sends GOAWAY and closes.
    let mut goaway = false;
    while let Some((kind, ..)) = read_frame(&mut socket).await {
        goaway |= kind == GOAWAY;
    }
    assert!(goaway);
}

#[tokio::test]
async fn rapid_resets_end_only_their_connection() {
    let app = start().await;
    let mut socket = connect(app.address).await;
    let mut flood = Vec::new();
    for number in 0..2000_u32 {
        let stream = number * 2 + 1;
        flood.extend_from_slice(&get_request(stream, "/base/wait"));
        flood.extend_from_slice(&frame(RST_STREAM, 0, stream, &8_u32.to_be_bytes()));
    }
    // The server may close before it has read everything.
    let _ = socket.write_all(&flood).await;
    while read_frame(&mut socket).await.is_some() {}
    assert_eq!(get(app.address, "/base/ok").await.status, 200);
}

#[tokio::test]
async fn an_unfinished_header_block_does_not_keep_the_connection() {
    let mut server = long_timeouts();
    server.header_timeout = SHORT;
    let app = start_with(server, edge_settings()).await;
    let mut socket = connect(app.address).await;
    socket.write_all(&frame(HEADERS, END_STREAM, 1, &[0x82, 0x86])).await.unwrap();
    while read_frame(&mut socket).await.is_some() {}
}

#[tokio::test]
async fn a_client_with_a_closed_window_does_not_keep_the_connection() {
    let mut server = long_timeouts();
    server.stall_timeout = SHORT;
    let app = start_with(server, edge_settings()).await;
    let mut socket = connect_without_window(app.address).await;
    socket.write_all(&get_request(1, "/base/ok")).await.unwrap();
    while read_frame(&mut socket).await.is_some() {}
}

#[tokio::test]
async fn a_request_that_is_worked_on_does_not_count_as_stalled() {
    let mut server = long_timeouts();
    server.stall_timeout = SHORT;
    let app = start_with(server, edge_settings()).await;
    let mut socket = connect(app.address).await;
    socket.write_all(&get_request(1, "/base/wait")).await.unwrap();
    timeout(BEFORE_OTHER_TIMEOUTS, app.gate.arrived.notified()).await.unwrap();
    tokio::time::sleep(SHORT * 3).await;
    app.gate.proceed.notify_one();
    let mut answered = false;
    while !answered {
        let (kind, flags, ..) = read_frame(&mut socket).await.expect("the connection stays open");
        answered = kind == DATA && flags & END_STREAM != 0;
    }
}
