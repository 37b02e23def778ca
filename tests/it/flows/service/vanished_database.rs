//! The database's host vanishes under load, and another one answers under the same address.

use std::time::Duration;

use futures_util::future::join_all;
use secrecy::{ExposeSecret as _, SecretString};
use sqlx::{Connection as _, Executor as _, PgConnection};

use crate::support::app::{PASSWORD, TestApp};
use crate::support::database::Backend;
use crate::support::postgres::Postgres;
use crate::support::proxy::Proxy;
use crate::support::row_lock::wait_until_blocked;
use crate::support::wait::eventually;

/// All connections of the pool.
const CONNECTIONS: u32 = 16;
const CLIENTS: usize = 40;
/// `database.acquire_timeout`, `database.statement_timeout` of this test and the margin are seven
/// seconds; the rest is for a busy machine. Without a bound there is no recovery.
const RECOVERY: Duration = Duration::from_secs(60);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_service_recovers_without_a_restart() {
    let postgres = Postgres::shared().await;
    let proxy = Proxy::to(postgres.port()).await;
    let port = proxy.port();
    let app = TestApp::builder(Backend::Postgres).settings(move |settings| {
        let url = settings.database.url.as_ref().map(|url| url.expose_secret()).expect("a URL");
        let name = url.rsplit('/').next().expect("a name");
        settings.database.url = Some(SecretString::from(postgres.url_through(port, name)));
        settings.database.max_connections = CONNECTIONS;
        settings.database.statement_timeout = Duration::from_secs(3);
    });
    let app = app.spawn().await;
    app.registered("ada@example.com").await;
    app.ledger_drained().await;

    // Every connection waits for an answer when the host vanishes.
    let mut holder = PgConnection::connect(app.database.url().expect("a URL")).await.expect("connect");
    holder.execute("BEGIN; LOCK TABLE users IN ACCESS EXCLUSIVE MODE").await.expect("lock");
    let clients: Vec<_> = (0..CLIENTS)
        .map(|_| {
            let http = app.http();
            tokio::spawn(async move { http.login("ada@example.com", PASSWORD).await.status.as_u16() })
        })
        .collect();
    wait_until_blocked(&app.database, i64::from(CONNECTIONS)).await;
    proxy.silence();
    holder.execute("ROLLBACK").await.expect("unlock");

    let recovered = eventually(RECOVERY, || async {
        match app.login("ada@example.com", PASSWORD).await.status.as_u16() {
            200 => Ok(()),
            status => Err(status),
        }
    });
    let (statuses, ()) = tokio::join!(join_all(clients), recovered);
    for status in statuses {
        let status = status.expect("no panic");
        assert!(matches!(status, 200 | 503), "{status}");
    }
    eventually(RECOVERY, || async { app.get("/readyz").await.status == 200 }).await;
    // The relay's session was silent too: this waits until everything is in the stream.
    app.finish().await;
}
