//! A client that hangs up does not cancel its action.

use std::time::Duration;

use reqwest::Method;
use serde_json::json;

use crate::support::app::TestApp;
use crate::support::database::Backend;
use crate::support::row_lock::{RowLock, wait_until_blocked};
use crate::support::wait::eventually;

const TIMEOUT: Duration = Duration::from_secs(60);

#[tokio::test(flavor = "multi_thread")]
async fn an_action_ends_after_its_client_hung_up() {
    let app = TestApp::spawn(Backend::Postgres).await;
    let tokens = app.registered("ada@example.com").await.tokens();
    let change = json!({"name": "Ada Lovelace"});

    let lock = RowLock::account(&app.database, "ada@example.com").await;
    tokio::select! {
        answer = app.send_as(&tokens.access, Method::PATCH, "/auth/me", &change) => {
            panic!("answered while its row is locked: {}", answer.text)
        }
        () = wait_until_blocked(&app.database, 1) => {}
    }
    // The dropped request has closed its connection, which the server sees before it answers others.
    app.me(&tokens.access).await.expect_status(200);
    lock.release().await;

    eventually(TIMEOUT, || async { app.event_names().await == ["registered", "updated"] }).await;
    assert_eq!(app.me(&tokens.access).await.str("/name"), "Ada Lovelace");
    app.finish().await;
}
