//! Every example, run as a newcomer would, against a real nats-server.
#![expect(
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test stops at the first thing that is not as it should be"
)]

#[expect(
    dead_code,
    reason = "shared with the tests of the subscriber kit, which need more of it"
)]
#[path = "../../events/tests/support/mod.rs"]
mod support;

use std::process::Stdio;

use tokio::io::{AsyncBufReadExt as _, BufReader, Lines};
use tokio::process::{Child, ChildStdout, Command};
use watchword_events::EventKind;

use support::{NatsServer, PATIENCE, create_stream, event, eventually, publish};

struct Example {
    child: Child,
    lines: Lines<BufReader<ChildStdout>>,
}

impl Example {
    /// Examples are built with the tests, into the folder beside theirs.
    fn start(name: &str, arguments: &[&str], server: &NatsServer) -> Self {
        let tests = std::env::current_exe().unwrap();
        let program = tests.ancestors().nth(2).unwrap().join("examples").join(name);
        let mut child = Command::new(program)
            .args(arguments)
            .env("NATS_URL", server.url())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        Self { child, lines }
    }

    async fn line(&mut self) -> String {
        tokio::time::timeout(PATIENCE, self.lines.next_line())
            .await
            .unwrap()
            .unwrap()
            .unwrap()
    }

    /// Presses ctrl-c, and wants nothing more on the output and a clean end.
    async fn stop(mut self) {
        let process = self.child.id().unwrap().to_string();
        assert!(
            Command::new("kill")
                .args(["-INT", &process])
                .status()
                .await
                .unwrap()
                .success()
        );
        let status = tokio::time::timeout(PATIENCE, self.child.wait())
            .await
            .unwrap()
            .unwrap();
        assert!(status.success(), "{status}");
        assert_eq!(self.lines.next_line().await.unwrap(), None);
    }
}

#[tokio::test]
async fn tail_prints_one_line_for_every_event() {
    let server = NatsServer::start().await;
    let context = server.jetstream().await;
    create_stream(&context).await;
    publish(&context, &event(EventKind::Registered, 1)).await;
    let mut tail = Example::start("tail", &[], &server);
    let line = tail.line().await;
    let start = r#"1 auth.user.registered {"userId":"01a2031e-cd40-7b21-9f0d-3a7e5c8d1b02","timestamp":"2026-11-22T"#;
    assert!(
        line.starts_with(start) && line.contains(r#""email":"ada@example.com""#),
        "{line}"
    );
    publish(&context, &event(EventKind::LoggedIn, 2)).await;
    assert!(tail.line().await.starts_with("2 auth.user.logged_in {"));
    tail.stop().await;
}

#[tokio::test]
async fn tail_new_prints_new_events_alone() {
    let server = NatsServer::start().await;
    let context = server.jetstream().await;
    let stream = create_stream(&context).await;
    publish(&context, &event(EventKind::Registered, 1)).await;
    let mut tail = Example::start("tail", &["new"], &server);
    eventually("tail reads", async || {
        (stream.get_info().await.ok()?.state.consumer_count == 1).then_some(())
    })
    .await;
    publish(&context, &event(EventKind::LoggedIn, 2)).await;
    assert!(tail.line().await.starts_with("2 auth.user.logged_in {"));
    tail.stop().await;
}

#[tokio::test]
async fn welcome_mailer_greets_new_accounts_once_and_those_it_missed_later() {
    let server = NatsServer::start().await;
    let context = server.jetstream().await;
    let stream = create_stream(&context).await;
    publish(&context, &event(EventKind::LoggedIn, 1)).await;
    publish(&context, &event(EventKind::Registered, 2)).await;
    let mail = "To: ada@example.com | Subject: Welcome, Ada Lovelace!";
    let mut mailer = Example::start("welcome_mailer", &[], &server);
    assert_eq!(mailer.line().await, mail);
    mailer.stop().await;
    let info = stream.consumer_info("welcome-mailer").await.unwrap();
    assert_eq!(
        (info.num_ack_pending, info.num_pending),
        (0, 0),
        "the event is acknowledged"
    );
    publish(&context, &event(EventKind::Registered, 3)).await;
    let mut mailer = Example::start("welcome_mailer", &[], &server);
    assert_eq!(mailer.line().await, mail);
    mailer.stop().await;
}
