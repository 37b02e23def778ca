//! The embedded server is started, shared, restarted and stopped.

use std::fs;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use tokio_util::sync::CancellationToken;
use watchword::config::Settings;
use watchword::jetstream::{Nats, NatsError, NatsHandle, StreamAdmin, StreamState};
use watchword::telemetry::Metrics;

use super::rig::{TIMEOUT, marks, settings};
use crate::support::nats::program;
use crate::support::wait::eventually;

/// The NATS side of a service with an embedded server.
struct Embedded {
    handle: NatsHandle,
    stop: CancellationToken,
}

fn embedded() -> Settings {
    let mut settings = settings(None);
    settings.nats.embedded_port = 0;
    settings.nats.server_path = Some(program());
    settings
}

impl Embedded {
    async fn start(settings: &Settings) -> Self {
        let stop = CancellationToken::new();
        let handle = Nats::start(settings, Metrics::new().expect("metrics"), stop.clone())
            .await
            .expect("start NATS");
        Self { handle, stop }
    }

    async fn ready(&self) {
        // No relay leads here.
        self.handle.publisher(marks()).allow_creation(Some(1.into()));
        let mut status = self.handle.status();
        let ready = status.wait_for(|status| status.connected && matches!(status.stream, StreamState::Ok(_)));
        tokio::time::timeout(TIMEOUT, ready).await.expect("a stream").expect("the status");
    }

    async fn stop(self) {
        self.stop.cancel();
        self.handle.stopped().await;
    }
}

/// Returns the process id and the port in `server.json`.
fn record(settings: &Settings) -> Option<(i32, u64)> {
    let text = fs::read(settings.data_dir.join("nats/server.json")).ok()?;
    let json: serde_json::Value = serde_json::from_slice(&text).ok()?;
    Some((i32::try_from(json.get("pid")?.as_i64()?).ok()?, json.get("port")?.as_u64()?))
}

fn alive(pid: i32) -> bool {
    // A zombie process has no executable.
    fs::read_link(format!("/proc/{pid}/exe")).is_ok()
}

fn signal(pid: i32, signal: Signal) {
    kill_process(Pid::from_raw(pid).expect("a pid"), signal).expect("send a signal");
}

#[tokio::test]
async fn the_embedded_server_restarts_after_a_crash_and_ends_with_the_service() {
    let settings = embedded();
    let nats = Embedded::start(&settings).await;
    nats.ready().await;
    let (first, port) = record(&settings).expect("a record");
    let admin = StreamAdmin::connect(&settings).await.expect("connect to the running server");
    assert_eq!(admin.diff().await.expect("diff"), vec![]);

    signal(first, Signal::KILL);
    eventually(TIMEOUT, || async { record(&settings).filter(|(pid, _)| *pid != first) }).await;
    eventually(TIMEOUT, || async { nats.handle.status().borrow().connections >= 2 }).await;
    nats.ready().await;
    let (second, same_port) = record(&settings).expect("a record");
    assert_eq!(same_port, port);

    nats.stop().await;
    assert!(!alive(second));
    assert_eq!(record(&settings), None);
    assert!(matches!(StreamAdmin::connect(&settings).await, Err(NatsError::NoEmbeddedServer(_))));
}

#[tokio::test]
async fn an_orphaned_server_is_ended_before_its_store_is_opened_again() {
    let settings = embedded();
    let nats = Embedded::start(&settings).await;
    nats.ready().await;
    nats.stop().await;
    // A killed service without `setpriv` leaves this state: the server runs, and no process holds
    // the lock.
    let config = settings.data_dir.join("nats/nats-server.conf");
    let mut orphan = std::process::Command::new(program())
        .arg("-c")
        .arg(&config)
        .stderr(std::process::Stdio::null())
        .spawn()
        .expect("start an orphan");
    let record_file = settings.data_dir.join("nats/server.json");
    fs::write(&record_file, format!(r#"{{"pid":{},"port":1}}"#, orphan.id())).expect("write the record");
    let waiter = std::thread::spawn(move || orphan.wait());
    let nats = Embedded::start(&settings).await;
    nats.ready().await;
    waiter.join().expect("the thread").expect("the exit status of the orphan");
    nats.stop().await;
}

#[tokio::test]
async fn another_process_with_the_recorded_id_is_not_ended() {
    let settings = embedded();
    fs::create_dir_all(settings.data_dir.join("nats")).expect("create the directory");
    let own = std::process::id();
    fs::write(settings.data_dir.join("nats/server.json"), format!(r#"{{"pid":{own},"port":1}}"#)).expect("write");
    let nats = Embedded::start(&settings).await;
    nats.ready().await;
    nats.stop().await;
}

#[tokio::test]
async fn a_second_instance_shares_the_server_and_takes_it_over() {
    let settings = embedded();
    let first = Embedded::start(&settings).await;
    first.ready().await;
    let second = Embedded::start(&settings).await;
    second.ready().await;
    assert_eq!(first.handle.status().borrow().server_url, second.handle.status().borrow().server_url);
    let connections = second.handle.status().borrow().connections;
    first.stop().await;
    eventually(TIMEOUT, || async { second.handle.status().borrow().connections > connections }).await;
    second.ready().await;
    second.stop().await;
}

#[tokio::test]
async fn without_a_server_the_service_waits_and_stops_on_request() {
    let mut settings = embedded();
    settings.nats.server_path = Some(settings.data_dir.join("not-there"));
    let nats = Embedded::start(&settings).await;
    assert!(!nats.handle.status().borrow().connected);
    tokio::time::timeout(Duration::from_secs(5), nats.stop()).await.expect("stops at once");
}
