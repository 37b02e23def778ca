//! Tests of the harness.

mod faults;
mod timing;

use std::time::Duration;

use sqlx::postgres::PgConnection;
use sqlx::{Connection, Executor, Row};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use uuid::Uuid;

use crate::support::binary::{Binary, BinaryOptions};
use crate::support::database::LedgerRow;
use crate::support::invariants::differences;
use crate::support::nats::{NatsOptions, NatsServer, StreamMessage};
use crate::support::nats_cluster::NatsCluster;
use crate::support::ports::{free_port, plan};
use crate::support::postgres::{Durability, Postgres};
use crate::support::process::{LastSignal, Process, ProcessSpec};
use crate::support::proxy::Proxy;
use crate::support::redis::RedisServer;
use crate::support::run_dir::{find_program, scratch};
use crate::support::smtp::SmtpServer;
use crate::support::wait::{eventually, within};

const TIMEOUT: Duration = Duration::from_secs(60);

/// Longer than an answer takes, and short enough to wait for an answer that must not come.
const NO_ANSWER_TIMEOUT: Duration = Duration::from_millis(300);

#[tokio::test]
async fn nats_keeps_its_messages_until_its_store_is_wiped() {
    let mut nats = NatsServer::start_with(NatsOptions { sync_always: true, ..NatsOptions::default() }).await;
    let stream = || async_nats::jetstream::stream::Config {
        name: "harness".into(),
        subjects: vec!["harness.*".into()],
        ..Default::default()
    };
    let jetstream = nats.jetstream().await;
    jetstream.create_stream(stream()).await.expect("create a stream");
    let mut headers = async_nats::HeaderMap::new();
    headers.insert("Nats-Msg-Id", "1");
    let ack = jetstream
        .publish_with_headers("harness.a", headers, r#"{"n":1}"#.into())
        .await
        .expect("publish");
    ack.await.expect("an acknowledgement");

    nats.kill();
    assert!(!nats.process().is_running());
    nats.start_again().await;
    let messages = nats.messages("harness").await;
    let [message] = messages.as_slice() else {
        panic!("expected one message: {messages:?}")
    };
    assert_eq!((message.seq, message.subject.as_str()), (1, "harness.a"));
    assert_eq!(message.header("Nats-Msg-Id"), Some("1"));
    assert_eq!(message.payload, serde_json::json!({"n": 1}));

    let jetstream = nats.jetstream().await;
    nats.pause();
    assert!(
        tokio::time::timeout(NO_ANSWER_TIMEOUT, jetstream.query_account()).await.is_err(),
        "a frozen server answers nothing"
    );
    nats.resume();
    eventually(TIMEOUT, || jetstream.query_account()).await;

    nats.stop().await;
    nats.wipe_store();
    nats.start_again().await;
    assert!(nats.messages("harness").await.is_empty());
}

#[tokio::test]
async fn redis_is_empty_after_a_flush_and_a_restart() {
    let mut redis = RedisServer::start().await;
    redis.command("SET key value").await.expect("SET");
    assert_eq!(redis.command("GET key").await.expect("GET"), "$5\r\nvalue\r\n");
    redis.flush().await;
    assert_eq!(redis.command("GET key").await.expect("GET"), "$-1\r\n");

    redis.command("SET key value").await.expect("SET");
    redis.pause();
    assert!(
        tokio::time::timeout(NO_ANSWER_TIMEOUT, redis.command("GET key")).await.is_err(),
        "a frozen server answers nothing"
    );
    redis.resume();
    assert_eq!(redis.command("GET key").await.expect("GET"), "$5\r\nvalue\r\n");

    redis.kill();
    assert!(redis.command("PING").await.is_err(), "a killed server refuses connections");
    redis.start_again().await;
    assert_eq!(redis.command("GET key").await.expect("GET"), "$-1\r\n");
}

#[tokio::test]
async fn postgres_recovers_from_a_crash_on_the_same_port() {
    let mut postgres = Postgres::private(Durability::Durable).await;
    postgres.create_database("one", None).await;
    postgres
        .execute("one", "CREATE TABLE t (n int); INSERT INTO t VALUES (1)")
        .await
        .expect("a table");
    postgres.create_database("two", Some("one")).await;

    postgres.crash().await;
    postgres.start_again().await;
    let mut connection = PgConnection::connect(&postgres.url("two")).await.expect("connect");
    let row = connection.fetch_one("SELECT n FROM t").await.expect("the copied row");
    assert_eq!(row.get::<i32, _>("n"), 1);
    postgres.drop_database("two").await.expect("drop a database in use");
}

/// Each kind of server detects in its log that its port is taken, and starts again on another one.
#[tokio::test]
async fn a_server_whose_port_is_taken_starts_on_another_one() {
    let take_port = || {
        let listener = std::net::TcpListener::bind(("127.0.0.1", free_port())).expect("a port");
        let port = listener.local_addr().expect("an address").port();
        plan(port);
        (listener, port)
    };
    let (_listener, taken) = take_port();
    assert_ne!(RedisServer::start().await.port(), taken);
    let (_listener, taken) = take_port();
    assert_ne!(NatsServer::start().await.port(), taken);
    let (_listener, taken) = take_port();
    assert_ne!(Postgres::private(Durability::Fast).await.port(), taken);
    let (_listener, taken) = take_port();
    assert_ne!(SmtpServer::start().await.port(), taken);
    let (_listener, taken) = take_port();
    let service = Binary::start(BinaryOptions::serve(&[("NATS_URL", "nats://127.0.0.1:1")])).await;
    assert_ne!(service.http().port(), taken);
    let (_listener, taken) = take_port();
    let cluster = NatsCluster::start().await;
    assert!(!cluster.url().contains(&taken.to_string()));
}

#[test]
fn each_port_is_chosen_once() {
    let ports: std::collections::BTreeSet<u16> = (0..250).map(|_| free_port()).collect();
    assert_eq!(ports.len(), 250);
    assert!(ports.iter().all(|port| (15_000..32_768).contains(port)));
}

#[tokio::test]
async fn tests_share_one_postgres() {
    let first = Postgres::shared().await;
    let second = Postgres::shared().await;
    assert_eq!(first.port(), second.port());
    first.execute("postgres", "SELECT 1").await.expect("a query");
}

#[tokio::test]
async fn the_proxy_delays_cuts_and_drops() {
    let redis = RedisServer::start().await;
    let proxy = Proxy::to(redis.port()).await;
    let connect = || async { TcpStream::connect(("127.0.0.1", proxy.port())).await.expect("connect") };

    let mut client = connect().await;
    proxy.set_latency(Duration::from_millis(50));
    let start = std::time::Instant::now();
    assert_eq!(send_command(&mut client, "PING").await.expect("an answer"), "+PONG\r\n");
    assert!(start.elapsed() >= Duration::from_millis(100), "50 ms in each direction");
    proxy.heal();
    assert_eq!((proxy.accepted(), proxy.open()), (1, 1));

    proxy.drop_answers(true);
    assert!(
        tokio::time::timeout(NO_ANSWER_TIMEOUT, send_command(&mut client, "SET key done"))
            .await
            .is_err()
    );
    assert_eq!(redis.command("GET key").await.expect("GET"), "$4\r\ndone\r\n", "the request took effect");

    proxy.cut();
    assert!(send_command(&mut client, "PING").await.is_err(), "an open connection ends");
    assert!(send_command(&mut connect().await, "PING").await.is_err(), "a new one is refused");
    eventually(TIMEOUT, || async { proxy.open() == 0 }).await;
    proxy.heal();
    assert_eq!(send_command(&mut connect().await, "PING").await.expect("an answer"), "+PONG\r\n");
}

/// Sends an inline command and returns its answer; an error if the connection has ended.
async fn send_command(socket: &mut TcpStream, command: &str) -> std::io::Result<String> {
    socket.write_all(format!("{command}\r\n").as_bytes()).await?;
    let mut answer = [0; 256];
    match socket.read(&mut answer).await? {
        0 => Err(std::io::ErrorKind::UnexpectedEof.into()),
        length => Ok(String::from_utf8_lossy(answer.get(..length).unwrap_or_default()).into_owned()),
    }
}

#[tokio::test]
async fn eventually_waits_no_longer_than_needed_and_reports_the_last_reason() {
    let mut probes = 0;
    let value = within(TIMEOUT, || {
        probes += 1;
        let answer = if probes < 3 { Err("not yet") } else { Ok(probes) };
        async move { answer }
    });
    assert_eq!(value.await, Ok(3));
    let refused: Result<(), String> = within(Duration::from_millis(5), || async { Err::<(), _>("never") }).await;
    assert_eq!(refused, Err("\"never\"".to_owned()));
}

/// Each kind of difference between a stream and its ledger has its own name.
#[test]
fn differences_between_ledger_and_stream_are_found() {
    let user = Uuid::from_u128(1);
    let row = |seq: i64| LedgerRow {
        seq,
        id: Uuid::from_u128(100 + seq.unsigned_abs() as u128),
        subject: "auth.user.updated".into(),
        user_id: Some(user),
        user_seq: Some(seq),
        payload: seq.to_string().into_bytes(),
        published: true,
    };
    let message = |row: &LedgerRow, seq: u64| StreamMessage {
        seq,
        subject: row.subject.clone(),
        headers: vec![("Nats-Msg-Id".into(), row.id.to_string())],
        bytes: row.payload.clone(),
        payload: serde_json::Value::Null,
    };
    let ledger = [row(1), row(2), row(3)];
    let [first, second, third] = ledger.each_ref().map(|row| message(row, row.seq.unsigned_abs()));
    let phantom = message(&row(9), 4);
    let altered = StreamMessage { bytes: b"else".to_vec(), ..second.clone() };
    let anonymous = StreamMessage { headers: Vec::new(), ..third.clone() };
    let found = |stream: &[&StreamMessage]| {
        let stream: Vec<StreamMessage> = stream.iter().map(|message| (*message).clone()).collect();
        let kind = |difference: String| difference.split([':', ' ']).next().unwrap_or_default().to_owned();
        differences(&ledger, &stream).into_iter().map(kind).collect::<Vec<_>>()
    };
    assert_eq!(found(&[&first, &second, &third]), Vec::<String>::new());
    assert_eq!(found(&[&first, &second]), ["lost"]);
    assert_eq!(found(&[&first, &second, &third, &phantom]), ["phantom"]);
    assert_eq!(found(&[&first, &second, &second, &third]), ["duplicate"]);
    assert_eq!(found(&[&first, &altered, &third]), ["altered"]);
    assert_eq!(found(&[&second, &first, &third]), ["order", "order", "order", "order"]);
    assert_eq!(found(&[&first, &second, &anonymous]), ["message", "lost"]);
}

/// A killed process runs no destructor. Its watchdog ends its children and removes its directory.
/// The killed process is this test binary, which runs [`killed_run`].
#[tokio::test]
async fn children_of_a_killed_test_process_end_with_it() {
    let dir = scratch("killed");
    let note = dir.join("note");
    let mut run = Process::start(ProcessSpec {
        name: "test binary",
        program: std::env::current_exe().expect("this binary"),
        args: ["--exact", "harness::killed_run", "--ignored", "--nocapture"].map(String::from).to_vec(),
        env: Some(
            std::env::vars()
                .chain([("WATCHWORD_TEST_NOTE".into(), note.display().to_string())])
                .collect(),
        ),
        log: dir.join("log"),
        user: None,
        last_signal: LastSignal::Kill,
    });
    let written = eventually(Duration::from_secs(60), || async { std::fs::read_to_string(&note) }).await;
    let mut lines = written.lines();
    let scratch_dir = std::path::PathBuf::from(lines.next().expect("a directory"));
    let pids: Vec<&str> = lines.collect();
    assert_eq!(pids.len(), 2);
    let alive =
        |pid: &str| std::fs::read_to_string(format!("/proc/{pid}/stat")).is_ok_and(|stat| !stat.contains(" Z "));
    assert!(pids.iter().all(|pid| alive(pid)));

    run.kill();
    eventually(TIMEOUT, || async { !pids.iter().any(|pid| alive(pid)) && !scratch_dir.exists() }).await;
}

/// The process that [`children_of_a_killed_test_process_end_with_it`] kills.
#[tokio::test]
#[ignore = "run by children_of_a_killed_test_process_end_with_it"]
async fn killed_run() {
    let Some(note) = std::env::var_os("WATCHWORD_TEST_NOTE") else {
        return;
    };
    let mut nats = NatsServer::start().await;
    let mut postgres = Postgres::private(Durability::Fast).await;
    let dir = scratch("here");
    let lines = format!(
        "{}\n{}\n{}",
        dir.parent().expect("the run's directory").display(),
        nats.process().pid().expect("running"),
        postgres.process().pid().expect("running")
    );
    let draft = dir.join("note");
    std::fs::write(&draft, lines).expect("write the note");
    std::fs::rename(&draft, &note).expect("publish the note");
    let mut forever = Process::start(ProcessSpec {
        name: "sleep",
        program: find_program("sleep", "WATCHWORD_SLEEP", &[]),
        args: vec!["600".into()],
        env: None,
        log: dir.join("sleep.log"),
        user: None,
        last_signal: LastSignal::Kill,
    });
    forever.wait_exit(Duration::from_secs(600)).await;
}
