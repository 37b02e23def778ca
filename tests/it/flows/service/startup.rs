//! What keeps the binary from starting, and what it says then.

use std::time::Duration;

use crate::support::binary::{Binary, BinaryOptions, run};
use crate::support::database::{Backend, Database};
use crate::support::nats::NatsServer;
use crate::support::postgres::Postgres;
use crate::support::proxy::Proxy;
use crate::support::run_dir::scratch;

const TIMEOUT: Duration = Duration::from_secs(60);
const GRACE: Duration = Duration::from_secs(1);
/// What a stop may take after the grace, and as much for a busy machine as makes a difference.
const STOP: Duration = Duration::from_secs(9 + 4);

/// Nothing has been stored when the service ends.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_a_secret_key_and_a_place_for_one_it_names_both() {
    let dir = scratch("unwritable");
    std::fs::create_dir_all(&dir).expect("a directory");
    // Also root cannot create a directory below a file.
    let file = dir.join("file");
    std::fs::write(&file, "").expect("a file");
    let postgres = Postgres::shared().await;
    postgres.create_database("unwritable", None).await;
    let url = postgres.url("unwritable");
    let database = Database::Postgres { url: url.clone(), shared_name: Some("unwritable".to_owned()) };
    let mut options = BinaryOptions::serve(&[("DATABASE_URL", &url), ("NATS_URL", "nats://127.0.0.1:1")]);
    options.data_dir = Some(file.join("data"));
    let ended = run(options, "").await;
    assert_eq!(ended.status.code(), Some(3), "{ended:?}");
    let lines: Vec<_> = ended.stderr.lines().filter(|line| line.contains("WATCHWORD_SECRET_KEY")).collect();
    assert_eq!(lines.len(), 1, "{}", ended.stderr);
    assert!(lines[0].contains(&*file.join("data").to_string_lossy()), "{}", lines[0]);
    let tables = "SELECT count(*) FROM information_schema.tables WHERE table_schema = 'public'";
    assert_eq!(database.count(tables).await.expect("a count"), 0, "it migrated first");
    database.remove().await;
}

/// With a silent database and an action in flight. With the default grace, it is less than the 30
/// seconds after which the process would be killed.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn it_stops_in_time_while_the_database_is_silent() {
    let dir = scratch("silent");
    let postgres = Postgres::shared().await;
    let proxy = Proxy::to(postgres.port()).await;
    let database = Database::fresh(Backend::Postgres, &dir).await;
    let name = database.url().and_then(|url| url.rsplit('/').next()).expect("a name").to_owned();
    let nats = NatsServer::start().await;
    let options = BinaryOptions::serve(&[
        ("DATABASE_URL", &postgres.url_through(proxy.port(), &name)),
        ("NATS_URL", &nats.url()),
        ("WATCHWORD__HTTP__SHUTDOWN_GRACE", "1s"),
        ("WATCHWORD__DATABASE__STATEMENT_TIMEOUT", "60s"),
        ("WATCHWORD__LIMITS__ENABLED", "true"),
        ("WATCHWORD__LIMITS__LOGIN", "1/1m"),
    ]);
    let mut binary = Binary::start(options).await;
    let http = binary.http().clone();
    http.register("ada@example.com", "correct horse battery").await.expect_status(201);
    // A refused login is a sum that has to be recorded at the stop.
    for _ in 0..2 {
        http.login("ada@example.com", "not the password").await;
    }
    proxy.stall(true);
    let request = tokio::spawn(async move { http.login("ada@example.com", "not the password").await });
    let began = std::time::Instant::now();
    binary.terminate();
    binary.wait_exit(TIMEOUT).await;
    assert!(began.elapsed() < GRACE + STOP, "stopped after {:?}", began.elapsed());
    request.abort();
    proxy.heal();
    database.remove().await;
}
