//! Operating the service: stopping without failed requests, health checks, a log that does not
//! repeat itself, users without a home.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::time::Duration;

use rustix::process::geteuid;

use crate::support::app::PASSWORD;
use crate::support::binary::{Binary, BinaryOptions, run};
use crate::support::database::Database;
use crate::support::nats::NatsServer;
use crate::support::ports::free_port;
use crate::support::postgres::Postgres;
use crate::support::proxy::Proxy;
use crate::support::raw::RawConnection;
use crate::support::run_dir::scratch;
use crate::support::wait::eventually;

const TIMEOUT: Duration = Duration::from_secs(60);

const KEY: &str = "vKy3SynzFLR0Lm9CgBTKJ+ujg+uj4b8MsCDFC/YNt3Y=";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_draining_instance_is_not_ready_and_serves_on() {
    let nats = NatsServer::start().await;
    let url = nats.url();
    let env = [("NATS_URL", url.as_str()), ("WATCHWORD__HTTP__SHUTDOWN_DELAY", "4s")];
    let mut service = Binary::start(BinaryOptions::serve(&env)).await;
    let http = service.http().clone();
    service.terminate();
    eventually(TIMEOUT, || async { (http.get("/readyz").await.status == 503).then_some(()) }).await;
    // A load balancer that has not noticed yet still opens connections.
    http.register("ada@example.com", PASSWORD).await.expect_status(201);
    let mut connection = RawConnection::to(http.port()).await.expect("connect");
    connection.send(b"GET /healthz HTTP/1.1\r\nhost: x\r\n\r\n").await.expect("send");
    let answer = connection.read_to_end().await;
    assert!(answer.starts_with("HTTP/1.1 200 ") && answer.contains("connection: close"), "{answer}");
    assert!(service.wait_exit(TIMEOUT).await.success());
    assert_eq!(nats.messages("auth-events").await.len(), 1, "what was served is published");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_health_check_names_the_address_it_calls() {
    let directory = scratch("healthcheck");
    let file = directory.join("w.toml");
    let port = free_port().to_string();
    fs::write(&file, format!("[http]\nport = {port}\nbase_path = '/api/v1'\n")).expect("write");
    let file = file.display().to_string();
    let check = |args: &'static [&'static str], env: Vec<(&'static str, String)>| {
        let mut options = BinaryOptions::command(args, &[]);
        options.env = env.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
        // An empty variable counts as not set.
        options.env.push(("PORT".to_owned(), String::new()));
        run(options, "")
    };
    let ended = check(&["healthcheck"], vec![("WATCHWORD_CONFIG", file)]).await;
    assert_eq!(ended.status.code(), Some(1), "{ended:?}");
    assert!(ended.stdout.contains(&format!("http://127.0.0.1:{port}/api/v1/readyz")), "{ended:?}");
    let ended = check(&["healthcheck"], vec![]).await;
    assert!(ended.stdout.contains("WATCHWORD_CONFIG"), "{ended:?}");
    let ended = check(&["healthcheck"], vec![("WATCHWORD__HTTP__PORT", "0".to_owned())]).await;
    assert!(ended.stdout.contains("http.port is 0"), "{ended:?}");
}

/// Every job fails for as long as PostgreSQL is away, some each second.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_outage_is_in_the_log_once_and_not_as_what_it_is_not() {
    let postgres = Postgres::shared().await;
    let database = Database::empty().await;
    let name = database.url().and_then(|url| url.rsplit('/').next()).expect("a name").to_owned();
    let proxy = Proxy::to(postgres.port()).await;
    let url = postgres.url_through(proxy.port(), &name);
    let nats = NatsServer::start().await;
    let nats_url = nats.url();
    let env = [
        ("DATABASE_URL", url.as_str()),
        ("NATS_URL", &nats_url),
        ("WATCHWORD_SECRET_KEY", KEY),
    ];
    let mut service = Binary::start(BinaryOptions::serve(&env)).await;
    assert!(service.stop().await.success());
    service.start_again("RUST_LOG", None).await;
    let log = service.process().log();
    assert!(!log.contains("already exists, skipping"), "{log}");

    proxy.cut();
    let http = service.http().clone();
    for _ in 0..5 {
        assert_eq!(http.register("ada@example.com", PASSWORD).await.status, 503);
    }
    // The slowest of these jobs.
    service.process().logged("events cannot be counted; retrying", TIMEOUT).await;
    let log = service.process().log();
    for line in [
        "events cannot be counted; retrying",
        "emails cannot be claimed; retrying",
        "replays cannot be looked for; retrying",
    ] {
        assert_eq!(log.matches(line).count(), 1, "{line}: {log}");
    }
    let unserved = log.matches("requests cannot be served; ").count();
    assert!((1..=4).contains(&unserved), "{unserved} lines: {log}");
    assert!(!log.contains("replay interrupted"), "there is no replay: {log}");

    proxy.heal();
    service.process().logged("no longer: emails cannot be claimed", TIMEOUT).await;
    http.register("ada@example.com", PASSWORD).await.expect_status(201);
    assert!(service.stop().await.success());
    database.remove().await;
}

/// A container platform runs the image as any user, and with nothing writable.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn any_user_can_run_the_service_without_a_writable_directory() {
    if !geteuid().is_root() {
        return;
    }
    let directory = scratch("owned");
    let data_dir = directory.join("data");
    fs::create_dir(&data_dir).expect("a directory");
    fs::set_permissions(&data_dir, fs::Permissions::from_mode(0o700)).expect("its mode");
    let database = Database::empty().await;
    let nats = NatsServer::start().await;
    let (port, nats_url) = (free_port().to_string(), nats.url());
    let path = std::env::var("PATH").unwrap_or_default();
    let command = |secret: &'static str| {
        let mut command = tokio::process::Command::new("setpriv");
        command
            .args([
                "--reuid=123456",
                "--regid=0",
                "--clear-groups",
                env!("CARGO_BIN_EXE_watchword"),
                "serve",
            ])
            .current_dir("/")
            .env_clear()
            .env("PATH", &path)
            .env("PORT", &port)
            .env("DATABASE_URL", database.url().expect("a URL"))
            .env("NATS_URL", &nats_url)
            .env("WATCHWORD__METRICS__LISTEN", "127.0.0.1:0")
            .env("WATCHWORD__DATA_DIR", &data_dir)
            .env("WATCHWORD_SECRET_KEY", secret)
            .stdin(std::process::Stdio::null())
            .stdout(std::process::Stdio::null())
            .stderr(std::process::Stdio::piped())
            .kill_on_drop(true);
        command
    };
    let mut served = command(KEY).spawn().expect("start the service");
    let http = crate::support::http::Http::new(port.parse().expect("a port"));
    let ready = || async {
        let answer = http.try_send(http.request(reqwest::Method::GET, "/readyz")).await;
        answer.is_ok_and(|answer| answer.status == 200).then_some(())
    };
    eventually(TIMEOUT, ready).await;
    served.kill().await.expect("end the service");
    assert_eq!(fs::read_dir(&data_dir).expect("the directory").count(), 0, "nothing was written");

    let refused = command("").output().await.expect("run the service");
    let stderr = String::from_utf8_lossy(&refused.stderr);
    let names = [data_dir.display().to_string(), "WATCHWORD_SECRET_KEY".to_owned()];
    assert!(!refused.status.success() && names.iter().all(|name| stderr.contains(name)), "{stderr}");
    database.remove().await;
}
