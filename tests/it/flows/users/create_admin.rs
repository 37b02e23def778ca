//! Creating the first administrator on the command line.

use serde_json::json;

use super::command_line::{CommandLine, PASSWORD};
use crate::support::binary::{Binary, Ended};
use crate::support::database::Backend;
use crate::support::flow_tests;
use crate::support::wait::eventually;

flow_tests! {
    the_command_line_creates_an_administrator,
}

const EMAIL: &str = "root@example.com";
const TIMEOUT: std::time::Duration = std::time::Duration::from_secs(30);

impl CommandLine {
    async fn create(&self, email: &str, input: &str) -> Ended {
        self.user(&["create-admin", "--email", email], input).await
    }

    async fn users(&self) -> i64 {
        self.database.count("SELECT count(*) FROM users").await.expect("a query")
    }
}

/// Assert that the command failed with an error that contains `reason`.
#[track_caller]
fn assert_refused(ended: &Ended, reason: &str) {
    assert!(!ended.status.success(), "{ended:?}");
    assert!(ended.stderr.contains(reason), "{ended:?}");
    assert_eq!(ended.stderr.trim().lines().count(), 1, "one line, no backtrace: {ended:?}");
    assert!(ended.stdout.is_empty(), "{ended:?}");
}

async fn the_command_line_creates_an_administrator(backend: Backend) {
    let commands = CommandLine::fresh(backend).await;

    // The first command migrates an empty database.
    let created = commands.create(EMAIL, &format!("{PASSWORD}\n")).await;
    assert!(created.status.success(), "{created:?}");
    let id = created.stdout.trim().to_owned();
    assert_eq!(
        id.parse::<uuid::Uuid>().map(|id| id.to_string()),
        Ok(id.clone()),
        "the output is not only the id: {created:?}"
    );

    let again = commands.create("Root@Example.com", PASSWORD).await;
    assert_refused(&again, "the email address is taken");
    assert_eq!(again.status.code(), Some(4), "{again:?}");
    for (password, reason) in [
        ("password", "the password"),
        ("short7!", "the password"),
        ("", "the password"),
        ("second@example.com", "the password"),
    ] {
        assert_refused(&commands.create("second@example.com", password).await, reason);
    }
    assert_refused(&commands.create("no address", PASSWORD).await, "the email address");
    assert_eq!(commands.users().await, 1, "a refused command created a user");

    let mut service = Binary::start(commands.options(&["serve"])).await;
    let events = eventually(TIMEOUT, || async {
        let events = commands.nats.messages("auth-events").await;
        if events.is_empty() { None } else { Some(events) }
    });
    let events = events.await;
    assert_eq!(events.len(), 1);
    assert_eq!(events[0].subject, "auth.user.registered");
    assert_eq!(events[0].header("ce-subject"), Some(id.as_str()));
    assert_eq!(events[0].payload["data"]["email"], EMAIL);
    assert_eq!(events[0].payload["data"]["roles"], json!(["user", "admin"]));

    let answer = service.http().login(EMAIL, PASSWORD).await.expect_status(200);
    assert_eq!(answer.str("/user/id"), id);
    assert_eq!(answer.json["user"]["roles"], json!(["user", "admin"]));
    let tokens = answer.tokens();
    assert_eq!(tokens.claims()["roles"], json!(["user", "admin"]));
    let me = service.http().me(&tokens.access).await.expect_status(200);
    assert_eq!(me.json["roles"], json!(["user", "admin"]));

    // A registration over HTTP cannot create an administrator.
    let body = json!({"email": "eve@example.com", "password": PASSWORD, "roles": ["admin"]});
    service
        .http()
        .post("/auth/register", &body)
        .await
        .expect_problem(422, "validation_failed");

    let while_running = commands.create("second@example.com", PASSWORD).await;
    match backend {
        Backend::Sqlite => assert_refused(&while_running, "another process uses"),
        Backend::Postgres => {
            assert!(while_running.status.success(), "{while_running:?}");
            eventually(TIMEOUT, || async { commands.nats.messages("auth-events").await.len() == 3 }).await;
        }
    }
    assert!(service.stop().await.success());
    commands.database.remove().await;
}
