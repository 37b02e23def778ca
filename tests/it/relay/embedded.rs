//! The embedded server is started, shared, restarted and stopped.

use std::fs;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use tokio_util::sync::CancellationToken;
use watchword::config::Settings;
use watchword::domain::random::SystemRandom;
use watchword::jetstream::{Nats, NatsError, NatsHandle, StreamAdmin, StreamState};
use watchword::telemetry::Metrics;

use super::rig::{STREAM, TIMEOUT, marks, settings};
use crate::support::binary::{Binary, BinaryOptions};
use crate::support::nats::program;
use crate::support::ports::free_port;
use crate::support::run_dir::scratch;
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
        let metrics = Metrics::new().expect("metrics");
        let handle = Nats::start(settings, &SystemRandom::default(), metrics, stop.clone())
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
    record_in(&settings.data_dir)
}

fn record_in(data_dir: &Path) -> Option<(i32, u64)> {
    let text = fs::read(data_dir.join("nats/server.json")).ok()?;
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

/// Neither `setpriv` nor the name of the program is needed.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_orphaned_server_is_ended_before_its_store_is_opened_again() {
    let tools = scratch("tools");
    let broker = tools.join("broker");
    fs::copy(program(), &broker).expect("copy nats-server");
    let options = BinaryOptions::serve(&[
        ("WATCHWORD__NATS__EMBEDDED_PORT", "0"),
        ("WATCHWORD__NATS__SERVER_PATH", &broker.display().to_string()),
        ("PATH", &tools.display().to_string()),
    ]);
    let mut service = Binary::start(options).await;
    let data_dir = service.data_dir().to_owned();
    let (orphan, _) = eventually(TIMEOUT, || async { record_in(&data_dir) }).await;
    service.kill();
    assert!(alive(orphan));
    service.start_again("WATCHWORD_CRASH_AT", None).await;
    let other = || async { record_in(&data_dir).filter(|(pid, _)| *pid != orphan) };
    let (successor, _) = eventually(TIMEOUT, other).await;
    assert!(!alive(orphan) && alive(successor));
    service.process().logged("ending the nats-server of an earlier instance", TIMEOUT).await;
    assert!(service.stop().await.success());
    assert!(!alive(successor));
}

/// A server that is in no record holds the lock on its store too.
#[tokio::test]
async fn no_second_server_opens_a_store_in_use() {
    let settings = embedded();
    let directory = settings.data_dir.join("nats");
    fs::create_dir_all(&directory).expect("create the directory");
    let lock = fs::File::create(directory.join("store.lock")).expect("create the lock");
    lock.try_lock().expect("lock");
    let nats = Embedded::start(&settings).await;
    assert_none_starts(&settings).await;
    drop(lock);
    nats.ready().await;
    nats.stop().await;
}

#[tokio::test]
async fn no_second_server_opens_the_store_of_one_from_an_earlier_version() {
    let settings = embedded();
    let nats = Embedded::start(&settings).await;
    nats.ready().await;
    let (_, port) = record(&settings).expect("a record");
    nats.stop().await;
    // It holds no lock.
    let mut earlier = server(&settings.data_dir.join("nats/nats-server.conf"));
    let text = format!(r#"{{"pid":{},"port":{port}}}"#, earlier.id());
    fs::write(settings.data_dir.join("nats/server.json"), text).expect("write the record");
    eventually(TIMEOUT, || async { StreamAdmin::connect(&settings).await.is_ok() }).await;
    let nats = Embedded::start(&settings).await;
    assert_none_starts(&settings).await;
    assert_eq!(earlier.try_wait().expect("its state"), None);
    earlier.kill().and_then(|()| earlier.wait()).expect("end it");
    nats.ready().await;
    nats.stop().await;
}

#[tokio::test]
async fn what_an_earlier_version_stored_without_accounts_is_kept() {
    let settings = embedded();
    let directory = settings.data_dir.join("nats");
    fs::create_dir_all(&directory).expect("create the directory");
    let (port, config) = (free_port(), directory.join("nats-server.conf"));
    let text = format!("listen: \"127.0.0.1:{port}\"\njetstream {{ store_dir: \"{}\" }}\n", directory.display());
    fs::write(&config, text).expect("write the configuration");
    let mut earlier = server(&config);
    let url = format!("nats://127.0.0.1:{port}");
    let client = eventually(TIMEOUT, || async { async_nats::connect(&url).await.ok() }).await;
    let jetstream = async_nats::jetstream::new(client);
    let definition = watchword::jetstream::desired(&settings.stream).expect("the definition");
    jetstream.create_stream(definition).await.expect("create the stream");
    for _ in 0..3 {
        let published = jetstream.publish("auth.user.registered", "{}".into()).await;
        published.expect("publish").await.expect("an acknowledgement");
    }
    signal(i32::try_from(earlier.id()).expect("a pid"), Signal::TERM);
    earlier.wait().expect("its end");

    let nats = Embedded::start(&settings).await;
    nats.ready().await;
    let admin = StreamAdmin::connect(&settings).await.expect("connect");
    let stream = admin.info().await.expect("the stream");
    assert_eq!((stream.name.as_str(), stream.messages), (STREAM, 3));
    nats.stop().await;
}

/// Starts a server that holds no lock.
fn server(config: &Path) -> Child {
    let mut command = Command::new(program());
    command.arg("-c").arg(config).stdin(Stdio::null()).stderr(Stdio::null());
    command.spawn().expect("start nats-server")
}

/// Several attempts of an instance to start its server.
async fn assert_none_starts(settings: &Settings) {
    let before = record(settings);
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!(record(settings), before);
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
