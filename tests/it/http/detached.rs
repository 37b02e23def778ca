//! A disconnect or a missed deadline does not cancel an action.

use std::sync::atomic::Ordering;
use std::time::Duration;

use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;
use tokio::time::timeout;
use watchword::http::detached::Detached;

use super::api::{start, start_with_deadline};
use super::raw::{TIMEOUT, get};

const WORK: &[u8] = b"POST /base/work HTTP/1.1\r\nHost: a\r\n\r\n";

#[tokio::test]
async fn a_reset_connection_does_not_cancel_the_work() {
    let app = start().await;
    for round in 1..=20 {
        let mut socket = TcpStream::connect(app.address).await.unwrap();
        socket.write_all(WORK).await.unwrap();
        timeout(TIMEOUT, app.gate.arrived.notified()).await.unwrap();
        // SO_LINGER 0: closing sends a reset, which drops the handler.
        socket.set_zero_linger().unwrap();
        drop(socket);
        // A completed request shows that the server has seen the reset.
        assert_eq!(get(app.address, "/base/ok").await.status, 200);
        assert_eq!(app.detached.running(), 1);
        app.gate.proceed.notify_one();
        timeout(TIMEOUT, app.gate.done.notified()).await.unwrap();
        assert_eq!(app.gate.finished.load(Ordering::SeqCst), round);
    }
}

#[tokio::test]
async fn a_missed_deadline_does_not_cancel_the_work() {
    let app = start_with_deadline().await;
    let reply = super::raw::post(app.address, "/base/work", "").await;
    assert_eq!((reply.status, &reply.problem()["code"]), (503, &"deadline_exceeded".into()));
    app.gate.proceed.notify_one();
    timeout(TIMEOUT, app.gate.done.notified()).await.unwrap();
}

#[tokio::test]
async fn draining_waits_for_running_actions() {
    let app = start().await;
    let mut socket = TcpStream::connect(app.address).await.unwrap();
    socket.write_all(WORK).await.unwrap();
    timeout(TIMEOUT, app.gate.arrived.notified()).await.unwrap();
    drop(socket);
    assert!(timeout(Duration::from_millis(50), app.detached.wait_idle()).await.is_err());
    app.gate.proceed.notify_one();
    timeout(TIMEOUT, app.detached.wait_idle()).await.unwrap();
    assert_eq!(app.gate.finished.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn a_detached_action_returns_its_result() {
    let detached = Detached::new();
    assert_eq!(detached.run(async { 7 }).await.unwrap(), 7);
    assert!(detached.run(async { panic!("no") }).await.is_err());
    assert_eq!(detached.running(), 0);
}
