//! A full disk: acknowledged changes in SQLite are durable. The test runs the real binary with a
//! limit on the size of its files.

use reqwest::Method;
use serde_json::json;

use crate::support::app::PASSWORD;
use crate::support::binary::{Binary, BinaryOptions};
use crate::support::database::Database;

/// The maximum size of a file in blocks of 512 bytes, the unit of `ulimit -f`. The empty database
/// fits. The write-ahead log exceeds it after a few accounts.
const MAX_BLOCKS: u64 = 640;
/// The number of registrations.
const ACCOUNTS: usize = 25;

fn email(n: usize) -> String {
    format!("user{n}@example.com")
}

/// Restart the service with a limit of [`MAX_BLOCKS`].
async fn start_on_a_small_disk(binary: &mut Binary) {
    let spec = binary.process().spec_mut();
    let program = spec.program.display().to_string();
    let args = std::mem::replace(
        &mut spec.args,
        vec![
            "-c".into(),
            // With SIGXFSZ ignored, the write fails, like on a full disk.
            format!("trap '' XFSZ; ulimit -f {MAX_BLOCKS}; exec \"$0\" serve"),
            program.clone(),
        ],
    );
    spec.program = "/bin/sh".into();
    binary.start_again("RUST_LOG", Some("error")).await;
    let spec = binary.process().spec_mut();
    spec.program = program.into();
    spec.args = args;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_disk_loses_no_acknowledged_change() {
    // A nats-server of its own would inherit the limit.
    let mut binary = Binary::start(BinaryOptions::serve(&[("NATS_URL", "nats://127.0.0.1:1")])).await;
    assert!(binary.stop().await.success());
    let file = binary.data_dir().join("watchword.db");
    let empty = std::fs::metadata(&file).expect("the database").len();
    assert!(
        empty + 64 * 1024 < MAX_BLOCKS * 512,
        "the empty database must fit into the limit, but has {empty} bytes"
    );

    start_on_a_small_disk(&mut binary).await;
    let (mut created, mut failed) = (Vec::new(), Vec::new());
    for n in 0..ACCOUNTS {
        let answer = binary.http().register(&email(n), PASSWORD).await;
        match answer.status.as_u16() {
            201 => created.push((n, answer.tokens())),
            500..=599 => {
                failed.push(n);
                assert_eq!(answer.header("content-type"), Some("application/problem+json"));
            }
            _ => panic!("{} {}", answer.status, answer.text),
        }
    }
    assert!(!created.is_empty() && !failed.is_empty(), "{created:?} {failed:?}");
    binary.kill();

    binary.start_again("RUST_LOG", None).await;
    for (n, tokens) in &created {
        let answer = binary.http().login(&email(*n), PASSWORD).await;
        assert_eq!(answer.status, 200, "account {n} was acknowledged with 201 and is lost: {}", answer.text);
        let refresh = json!({"refreshToken": tokens.refresh});
        let request = binary.http().request(Method::POST, "/auth/refresh").json(&refresh);
        binary.http().send(request).await.expect_status(200);
    }
    // A retry of a failed registration succeeds, or the registration had succeeded.
    for n in &failed {
        let answer = binary.http().register(&email(*n), PASSWORD).await;
        assert!(matches!(answer.status.as_u16(), 201 | 409), "{n}: {}", answer.text);
        binary.http().login(&email(*n), PASSWORD).await.expect_status(200);
    }
    let database = Database::Sqlite(file);
    let count = |sql| {
        let database = &database;
        async move { database.count(sql).await.expect("a query") }
    };
    let all = i64::try_from(ACCOUNTS).expect("a few");
    assert_eq!(count("SELECT count(*) FROM users").await, all, "each account exists once");
    assert_eq!(
        count("SELECT count(DISTINCT user_id) FROM events WHERE subject = 'auth.user.registered'").await,
        all,
        "each account has its event"
    );
    assert_eq!(
        count("SELECT count(*) FROM events WHERE subject = 'auth.user.registered'").await,
        all,
        "each event exists once"
    );
    assert!(binary.stop().await.success());
}
