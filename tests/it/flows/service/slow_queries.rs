//! Slow queries have all connections to PostgreSQL.

use std::time::{Duration, Instant};

use futures_util::future::join_all;
use sqlx::{Connection as _, Executor as _, PgConnection};

use crate::support::app::{PASSWORD, TestApp};
use crate::support::clock::TestClock;
use crate::support::database::Backend;
use crate::support::row_lock::wait_until_blocked;

const CONNECTIONS: u32 = 8;
/// Far less than the wait for a free connection.
const SOON: Duration = Duration::from_secs(2);
/// Longer than the slow queries take in this test.
const LONG: Duration = Duration::from_secs(60);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn liveness_keys_and_verification_do_not_wait_for_slow_queries() {
    let clock = TestClock::frozen();
    let app = TestApp::builder(Backend::Postgres)
        .clock(clock.clone())
        .settings(|settings| {
            settings.database.max_connections = CONNECTIONS;
            settings.database.acquire_timeout = LONG / 2;
            settings.database.statement_timeout = LONG;
            settings.http.request_deadline = LONG;
        })
        .spawn()
        .await;
    let tokens = app.registered("ada@example.com").await.tokens();
    app.ledger_drained().await;

    // A change of the ledger waits for this lock. Sessions and users can be read.
    let mut holder = PgConnection::connect(app.database.url().expect("a URL")).await.expect("connect");
    holder.execute("BEGIN; LOCK TABLE events IN EXCLUSIVE MODE").await.expect("lock");
    let slow: Vec<_> = (0..CONNECTIONS + 4)
        .map(|_| {
            let http = app.http();
            tokio::spawn(async move { http.login("ada@example.com", PASSWORD).await.status.as_u16() })
        })
        .collect();
    wait_until_blocked(&app.database, i64::from(CONNECTIONS)).await;

    for _ in 0..5 {
        // No session is cached any longer.
        clock.advance(Duration::from_secs(2));
        for (path, expected) in [
            ("/healthz", 200),
            ("/.well-known/jwks.json", 200),
            ("/auth/verify", 200),
            ("/auth/me", 200),
        ] {
            let began = Instant::now();
            let answer = app.get_as(&tokens.access, path).await;
            assert_eq!(answer.status, expected, "{path}: {}", answer.text);
            assert!(began.elapsed() < SOON, "{path}: {:?}", began.elapsed());
        }
    }
    holder.execute("ROLLBACK").await.expect("unlock");
    for status in join_all(slow).await {
        assert_eq!(status.expect("no panic"), 200);
    }
    app.finish().await;
}
