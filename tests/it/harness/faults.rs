//! The faults of the harness that the campaign uses.

use std::time::Duration;

use sqlx::{Connection as _, PgConnection};
use tokio::net::TcpStream;

use super::{NO_ANSWER_TIMEOUT, TIMEOUT, send_command};
use crate::support::postgres::{Durability, Postgres};
use crate::support::proxy::Proxy;
use crate::support::redis::RedisServer;
use crate::support::wait::eventually;

#[tokio::test]
async fn the_proxy_holds_back_and_slices() {
    let redis = RedisServer::start().await;
    let proxy = Proxy::to(redis.port()).await;
    let connect = || async { TcpStream::connect(("127.0.0.1", proxy.port())).await.expect("connect") };
    let mut client = connect().await;
    assert_eq!(send_command(&mut client, "PING").await.expect("an answer"), "+PONG\r\n");

    proxy.stall(true);
    for command in ["SET old late", "SET new late"] {
        let mut client = connect().await;
        let answer = tokio::time::timeout(NO_ANSWER_TIMEOUT, send_command(&mut client, command)).await;
        assert!(answer.is_err(), "a stalled link answers nothing");
    }
    assert_eq!(redis.command("GET new").await.expect("GET"), "$-1\r\n", "nothing has arrived");
    proxy.stall(false);
    eventually(TIMEOUT, || async {
        redis.command("GET new").await.is_ok_and(|value| value == "$4\r\nlate\r\n")
    })
    .await;

    proxy.slice(true);
    let long = "x".repeat(1000);
    let start = std::time::Instant::now();
    let answer = send_command(&mut client, &format!("SET long {long}")).await;
    assert_eq!(answer.expect("an answer"), "+OK\r\n");
    assert!(start.elapsed() >= Duration::from_millis(15), "1 ms after each 64 bytes");
    proxy.heal();
    assert_eq!(redis.command("STRLEN long").await.expect("STRLEN"), ":1000\r\n");
}

/// Each session is a process. All of them freeze, also one that works.
#[tokio::test]
async fn a_frozen_postgres_answers_nothing() {
    let mut postgres = Postgres::private(Durability::Fast).await;
    let url = postgres.url("postgres");
    let mut open = PgConnection::connect(&url).await.expect("connect");

    postgres.freeze();
    let answer = tokio::time::timeout(NO_ANSWER_TIMEOUT, sqlx::query("SELECT 1").execute(&mut open)).await;
    assert!(answer.is_err(), "an open session answers nothing");
    postgres.thaw();
    eventually(TIMEOUT, || postgres.execute("postgres", "SELECT 1")).await;
}
