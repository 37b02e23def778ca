//! What keeps the binary from starting, and what it says then.

use crate::support::binary::{BinaryOptions, run};
use crate::support::database::{Backend, Database};
use crate::support::postgres::Postgres;
use crate::support::run_dir::scratch;

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
    assert_eq!(ended.status.code(), Some(5), "{ended:?}");
    let lines: Vec<_> = ended.stderr.lines().filter(|line| line.contains("WATCHWORD_SECRET_KEY")).collect();
    assert_eq!(lines.len(), 1, "{}", ended.stderr);
    assert!(lines[0].contains(&*file.join("data").to_string_lossy()), "{}", lines[0]);
    let tables = "SELECT count(*) FROM information_schema.tables WHERE table_schema = 'public'";
    assert_eq!(database.count(tables).await.expect("a count"), 0, "it migrated first");
    database.remove().await;
}
