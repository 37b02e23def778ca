//! Timeouts and limits of connections.

use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::{Instant, interval, timeout};

use watchword::http::server::ServerSettings;

use super::api::{BEFORE_OTHER_TIMEOUTS, SHORT, edge_settings, long_timeouts, start, start_with};
use super::raw::{TIMEOUT, get, parse, read_reply};

const OK: &[u8] = b"GET /base/ok HTTP/1.1\r\nHost: a\r\n\r\n";

/// Sends one byte of `bytes` every 50 ms, without end, until the server closes the connection.
/// Returns how long that took.
async fn drip(address: SocketAddr, first: &[u8], bytes: &[u8]) -> Duration {
    let mut socket = TcpStream::connect(address).await.unwrap();
    let began = Instant::now();
    socket.write_all(first).await.unwrap();
    let (mut reader, mut writer) = socket.split();
    let closed = async {
        let mut sink = Vec::new();
        // A reset counts as a close.
        let _ = reader.read_to_end(&mut sink).await;
    };
    let dripping = async {
        let mut pace = interval(Duration::from_millis(50));
        for byte in bytes.iter().cycle() {
            pace.tick().await;
            if writer.write_all(&[*byte]).await.is_err() {
                break;
            }
        }
        std::future::pending::<()>().await;
    };
    tokio::select! {
        () = closed => began.elapsed(),
        () = dripping => panic!("dripping never ends"),
        () = tokio::time::sleep(TIMEOUT) => panic!("still open after {TIMEOUT:?}"),
    }
}

/// Timeouts of which only the header timeout ends a connection.
const fn short_header_timeout() -> ServerSettings {
    ServerSettings { header_timeout: SHORT, ..long_timeouts() }
}

#[tokio::test]
async fn a_slow_request_head_ends_with_the_header_timeout() {
    let app = start_with(short_header_timeout(), edge_settings()).await;
    let part = b"GET /base/ok HTTP/1.1\r\nHost: a\r\nX-Filler: ";
    let preface = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
    let mut clients = Vec::new();
    for _ in 0..20 {
        clients.push(tokio::spawn(drip(app.address, b"", b"")));
        clients.push(tokio::spawn(drip(app.address, part, b"")));
        clients.push(tokio::spawn(drip(app.address, part, b"x")));
        clients.push(tokio::spawn(drip(app.address, &preface[..10], b"")));
        clients.push(tokio::spawn(drip(app.address, preface, b"")));
    }
    // Other clients are served at the same time.
    for _ in 0..20 {
        assert_eq!(get(app.address, "/base/ok").await.status, 200);
    }
    for client in clients {
        let took = client.await.unwrap();
        assert!(took >= SHORT - Duration::from_millis(20) && took < BEFORE_OTHER_TIMEOUTS, "{took:?}");
    }
}

#[tokio::test]
async fn an_idle_connection_outlives_the_header_timeout() {
    let app = start_with(short_header_timeout(), edge_settings()).await;
    let mut socket = TcpStream::connect(app.address).await.unwrap();
    let mut buffer = [0_u8; 4096];
    for _ in 0..3 {
        socket.write_all(OK).await.unwrap();
        let count = socket.read(&mut buffer).await.unwrap();
        assert_eq!(parse(&buffer[..count]).status, 200);
        // Longer than the header timeout; the connection stays open.
        tokio::time::sleep(SHORT * 2).await;
    }
}

#[tokio::test]
async fn an_idle_connection_ends_with_the_idle_timeout() {
    let mut server = long_timeouts();
    server.idle_timeout = Duration::from_secs(1);
    let app = start_with(server, edge_settings()).await;
    let mut socket = TcpStream::connect(app.address).await.unwrap();
    let mut buffer = [0_u8; 4096];
    socket.write_all(OK).await.unwrap();
    assert!(socket.read(&mut buffer).await.unwrap() > 0);
    assert_eq!(timeout(BEFORE_OTHER_TIMEOUTS, socket.read(&mut buffer)).await.unwrap().unwrap(), 0);
}

#[tokio::test]
async fn the_header_timeout_applies_to_every_request_of_a_connection() {
    let app = start_with(short_header_timeout(), edge_settings()).await;
    let mut socket = TcpStream::connect(app.address).await.unwrap();
    let mut buffer = [0_u8; 4096];
    socket.write_all(OK).await.unwrap();
    assert!(socket.read(&mut buffer).await.unwrap() > 0);
    socket.write_all(b"GET /base/ok HT").await.unwrap();
    let end = timeout(BEFORE_OTHER_TIMEOUTS, socket.read(&mut buffer)).await;
    let end = end.expect("the header timeout must apply, not the idle timeout");
    assert!(!matches!(end, Ok(count) if count > 0));
}

#[tokio::test]
async fn a_slow_body_is_answered_and_the_connection_closed() {
    let mut edge = edge_settings();
    edge.body.timeout = SHORT;
    let app = start_with(long_timeouts(), edge).await;
    let head =
        b"POST /base/strict HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: 500\r\n\r\n{";
    let mut socket = TcpStream::connect(app.address).await.unwrap();
    socket.write_all(head).await.unwrap();
    let reply = read_reply(&mut socket).await;
    assert_eq!((reply.status, &reply.problem()["code"]), (408, &"request_timeout".into()));

    let took = drip(app.address, head, b" ").await;
    assert!(took < BEFORE_OTHER_TIMEOUTS, "{took:?}");
}

/// More than the kernel buffers on both sides.
const LARGE: &[u8] = b"GET /base/bytes?count=60000000 HTTP/1.1\r\nHost: a\r\n\r\n";

#[tokio::test]
async fn a_client_that_does_not_read_is_dropped() {
    let mut server = long_timeouts();
    server.max_connections = 1;
    server.stall_timeout = SHORT;
    let app = start_with(server, edge_settings()).await;
    let mut socket = TcpStream::connect(app.address).await.unwrap();
    socket.write_all(LARGE).await.unwrap();
    // The connection limit admits the next client when this one is dropped.
    let next = timeout(BEFORE_OTHER_TIMEOUTS, get(app.address, "/base/ok"));
    assert_eq!(next.await.expect("the connection is dropped").status, 200);
}

#[tokio::test]
async fn a_client_that_reads_slowly_is_dropped() {
    let mut server = long_timeouts();
    server.max_connections = 1;
    server.transfer_timeout = Duration::from_secs(2);
    let app = start_with(server, edge_settings()).await;
    let mut socket = TcpStream::connect(app.address).await.unwrap();
    socket.write_all(LARGE).await.unwrap();
    let slow = async {
        let mut buffer = vec![0_u8; 64 * 1024];
        let mut pace = interval(Duration::from_millis(50));
        while socket.read(&mut buffer).await.is_ok_and(|count| count > 0) {
            pace.tick().await;
        }
    };
    let began = Instant::now();
    let next = async { (get(app.address, "/base/ok").await.status, began.elapsed()) };
    let (_, (status, took)) = timeout(TIMEOUT, async { tokio::join!(slow, next) })
        .await
        .expect("the connection is dropped");
    assert_eq!(status, 200);
    assert!(took > Duration::from_secs(1) && took < BEFORE_OTHER_TIMEOUTS, "{took:?}");
}

/// Opens an event stream, whose first bytes have arrived.
async fn follow(address: SocketAddr) -> TcpStream {
    let mut socket = TcpStream::connect(address).await.unwrap();
    let request = b"GET /base/stream HTTP/1.1\r\nHost: a\r\n\r\n";
    socket.write_all(request).await.unwrap();
    assert!(socket.read(&mut [0_u8; 4096]).await.unwrap() > 0);
    socket
}

#[tokio::test]
async fn an_event_stream_may_stay_silent() {
    let mut server = long_timeouts();
    server.stall_timeout = SHORT;
    server.idle_timeout = SHORT;
    server.transfer_timeout = SHORT;
    let app = start_with(server, edge_settings()).await;
    let mut socket = follow(app.address).await;
    let mut buffer = [0_u8; 4096];
    let silent = timeout(SHORT * 4, async {
        while let Ok(count) = socket.read(&mut buffer).await {
            assert!(count > 0, "the stream was closed");
        }
    });
    assert!(silent.await.is_err());
}

#[tokio::test]
async fn a_connection_over_the_limit_waits() {
    let mut server = long_timeouts();
    server.max_connections = 2;
    let app = start_with(server, edge_settings()).await;
    let one = TcpStream::connect(app.address).await.unwrap();
    let other = TcpStream::connect(app.address).await.unwrap();
    let address = app.address;
    let third = tokio::spawn(async move { get(address, "/base/ok").await });
    tokio::time::sleep(Duration::from_millis(200)).await;
    assert!(!third.is_finished(), "a third connection was served");
    drop(one);
    assert_eq!(timeout(TIMEOUT, third).await.unwrap().unwrap().status, 200);
    drop(other);
}

#[tokio::test]
async fn large_heads_are_refused() {
    let app = start().await;
    for filler in [17_000, 300_000] {
        let mut socket = TcpStream::connect(app.address).await.unwrap();
        let head = format!("GET /base/ok HTTP/1.1\r\nHost: a\r\nX-Filler: {}\r\n\r\n", "x".repeat(filler));
        // The server may close before it has read everything.
        let _ = socket.write_all(head.as_bytes()).await;
        assert_eq!(read_reply(&mut socket).await.status, 431);
    }
}

#[tokio::test]
async fn shutdown_finishes_in_flight_requests_and_accepts_no_others() {
    let app = start().await;
    let mut idle = TcpStream::connect(app.address).await.unwrap();
    idle.write_all(OK).await.unwrap();
    let mut buffer = [0_u8; 4096];
    assert!(idle.read(&mut buffer).await.unwrap() > 0);
    let mut busy = TcpStream::connect(app.address).await.unwrap();
    busy.write_all(b"GET /base/wait HTTP/1.1\r\nHost: a\r\n\r\n").await.unwrap();
    timeout(TIMEOUT, app.gate.arrived.notified()).await.unwrap();

    app.stop.cancel();
    assert_eq!(timeout(TIMEOUT, idle.read(&mut buffer)).await.unwrap().unwrap(), 0);
    app.gate.proceed.notify_one();
    let reply = read_reply(&mut busy).await;
    assert_eq!((reply.status, reply.header("connection")), (200, vec!["close"]));
    assert!(TcpStream::connect(app.address).await.is_err());
}

#[tokio::test]
async fn shutdown_ends_event_streams() {
    let mut app = start().await;
    let _socket = follow(app.address).await;
    app.stop.cancel();
    let dropped = timeout(BEFORE_OTHER_TIMEOUTS, &mut app.served).await.unwrap().unwrap();
    assert_eq!(dropped, 0);
}

#[tokio::test]
async fn shutdown_ends_with_the_grace_period() {
    let mut server = long_timeouts();
    server.shutdown_grace = SHORT;
    let mut app = start_with(server, edge_settings()).await;
    let mut busy = TcpStream::connect(app.address).await.unwrap();
    busy.write_all(b"GET /base/wait HTTP/1.1\r\nHost: a\r\n\r\n").await.unwrap();
    timeout(TIMEOUT, app.gate.arrived.notified()).await.unwrap();
    app.stop.cancel();
    let dropped = timeout(BEFORE_OTHER_TIMEOUTS, &mut app.served).await.unwrap().unwrap();
    assert_eq!(dropped, 1);
}
