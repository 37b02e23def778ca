//! Changes between authentication and the row lock, and schema changes in a running service.

use std::time::Duration;

use reqwest::Method;
use serde_json::json;
use sqlx::{Connection as _, Executor as _, PgConnection};

use crate::support::{app::PASSWORD, app::TestApp, clock::TestClock, database::Backend, flow_tests, wait::eventually};

flow_tests! {
    parallel_logins_beyond_the_session_limit_leave_one_session,
}

/// The session cache of the other instance never expires. Only the row lock detects the deletion.
#[tokio::test(flavor = "multi_thread")]
async fn a_deleted_account_is_not_changed_through_another_instance() {
    let app = TestApp::spawn(Backend::Postgres).await;
    let mut second = app.second_instance(TestClock::frozen()).await;
    let tokens = app.registered("ada@example.com").await.tokens();
    second.me(&tokens.access).await.expect_status(200);
    app.send_as(&tokens.access, Method::POST, "/auth/me/delete", &json!({"password": PASSWORD}))
        .await
        .expect_status(204);

    let change = json!({"name": "Back From The Dead"});
    second
        .send_as(&tokens.access, Method::PATCH, "/auth/me", &change)
        .await
        .expect_problem(401, "invalid_token");
    let others = second.send_as(&tokens.access, Method::DELETE, "/auth/sessions", &json!({})).await;
    others.expect_problem(401, "invalid_token");
    assert_eq!(app.event_names().await, ["registered", "deleted"]);
    second.stop().await.expect("stop");
    app.finish().await;
}

/// In a rolling update, the new version migrates while the old one serves requests.
#[tokio::test(flavor = "multi_thread")]
async fn a_new_column_does_not_break_prepared_statements() {
    let app = TestApp::spawn(Backend::Postgres).await;
    let mut tokens = app.registered("ada@example.com").await.tokens();
    for table in [
        "ALTER TABLE users ADD COLUMN later TEXT",
        "ALTER TABLE sessions ADD COLUMN later TEXT",
    ] {
        for _ in 0..6 {
            tokens = app.refresh(&tokens.refresh).await.expect_status(200).tokens();
        }
        app.database.execute(table).await.expect("add a column");
        for _ in 0..6 {
            tokens = app.refresh(&tokens.refresh).await.expect_status(200).tokens();
        }
    }
    app.finish().await;
}

async fn parallel_logins_beyond_the_session_limit_leave_one_session(backend: Backend) {
    let app = TestApp::builder(backend)
        .settings(|settings| settings.sessions.max_per_user = 1)
        .spawn()
        .await;
    app.registered("ada@example.com").await;
    let answers = futures_util::future::join_all((0..8).map(|_| app.login("ada@example.com", PASSWORD))).await;
    let mut active = 0;
    for answer in answers {
        let tokens = answer.expect_status(200).tokens();
        active += usize::from(app.me(&tokens.access).await.status == 200);
    }
    assert_eq!(active, 1);
    let revoked_itself = app.events().await.windows(2).any(|pair| match pair {
        [created, revoked] => {
            created.subject.ends_with("logged_in")
                && revoked.subject.ends_with("session_revoked")
                && created.payload["data"]["sessionId"] == revoked.payload["data"]["sessionId"]
        }
        _ => false,
    });
    assert!(!revoked_itself, "a login revoked its own session");
    app.finish().await;
}

/// Set the password hash of another user, whose password the test knows.
const NEW_PASSWORD: &str = "UPDATE users SET password_hash = (SELECT password_hash FROM users WHERE email = 'bob@example.com') \
     WHERE email = 'ada@example.com'";

/// The password changes after the login has read the old hash.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_login_with_the_old_password_does_not_outlive_a_change() {
    let app = TestApp::spawn(Backend::Postgres).await;
    app.registered("ada@example.com").await;
    app.register("bob@example.com", "quiet harbour 52").await.expect_status(201);
    let mut change = PgConnection::connect(app.database.url().expect("PostgreSQL")).await.expect("connect");
    change.execute("BEGIN").await.expect("begin");
    // Like a reset: the row is locked, and the new password is not committed.
    change.execute(NEW_PASSWORD).await.expect("set a password");
    let (login, ()) = tokio::join!(app.login("ada@example.com", PASSWORD), async {
        // The login verifies the old password, and waits for the row.
        let waiting =
            "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query LIKE 'UPDATE users%'";
        eventually(Duration::from_secs(60), || async {
            match app.database.count(waiting).await {
                Ok(0) => Err("no query waits for a lock".to_owned()),
                Ok(_) => Ok(()),
                Err(error) => Err(error.to_string()),
            }
        })
        .await;
        change.execute("COMMIT").await.expect("commit");
    });
    login.expect_problem(401, "invalid_credentials");
    app.login("ada@example.com", "quiet harbour 52").await.expect_status(200);
    assert_eq!(app.event_names().await, ["registered", "registered", "login_failed", "logged_in"]);
    app.finish().await;
}
