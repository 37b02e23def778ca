//! `watchword events tail`.

use std::process::Stdio;
use std::time::Duration;

use tokio::io::{AsyncBufReadExt as _, BufReader, Lines};
use tokio::process::{Child, ChildStdout, Command};
use tokio::time::timeout;

use crate::support::app::{PASSWORD, TestApp};
use crate::support::database::Backend;
use crate::support::flow_tests;

flow_tests! {
    tail_prints_published_events,
}

const TIMEOUT: Duration = Duration::from_secs(60);

/// A running `tail` command that has begun to read.
struct Tail {
    child: Child,
    lines: Lines<BufReader<ChildStdout>>,
}

impl Tail {
    async fn start(app: &TestApp, args: &[&str]) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_watchword"))
            .args([&["events", "tail"], args].concat())
            .env_clear()
            .env("NATS_URL", app.nats.url())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .expect("start the command");
        let mut stderr = BufReader::new(child.stderr.take().expect("its standard error")).lines();
        let first = timeout(TIMEOUT, stderr.next_line()).await.expect("in time");
        assert_eq!(first.expect("a line").as_deref(), Some("Reading auth-events; Ctrl-C ends it."));
        let lines = BufReader::new(child.stdout.take().expect("its standard output")).lines();
        Self { child, lines }
    }

    async fn line(&mut self) -> String {
        let line = timeout(TIMEOUT, self.lines.next_line()).await.expect("in time");
        line.expect("readable").expect("a line")
    }

    /// Sends SIGINT, as Ctrl-C does, and checks that the command ends cleanly.
    async fn interrupt(mut self) {
        let id = i32::try_from(self.child.id().expect("it runs")).expect("a process id");
        let process = rustix::process::Pid::from_raw(id).expect("a process id");
        rustix::process::kill_process(process, rustix::process::Signal::INT).expect("a signal");
        let status = timeout(TIMEOUT, self.child.wait()).await.expect("in time").expect("its end");
        assert!(status.success(), "{status}");
        assert_eq!(self.lines.next_line().await.expect("readable"), None, "nothing more");
    }
}

async fn tail_prints_published_events(backend: Backend) {
    let app = TestApp::spawn(backend).await;
    app.registered("ada@example.com").await;
    let first = app.events().await.remove(0);

    let mut all = Tail::start(&app, &[]).await;
    let mut begun = Tail::start(&app, &["--from", "2026-01-01T00:00:00Z"]).await;
    let mut logins = Tail::start(&app, &["--subject", "logged_in"]).await;
    let grace = app.registered("grace@example.com").await;
    let user = grace.str("/user/id").to_owned();
    let mut hers = Tail::start(&app, &["--user", &user, "--from", "2026-01-01T00:00:00Z"]).await;
    app.http().login("grace@example.com", PASSWORD).await.expect_status(200);
    let messages = app.events().await;
    let published: Vec<String> = messages
        .iter()
        .map(|message| String::from_utf8(message.bytes.clone()).expect("text"))
        .collect();
    assert_eq!(published.len(), 3);

    assert_eq!(begun.line().await.as_bytes(), first.bytes);
    for tail in [&mut begun, &mut all, &mut hers] {
        assert_eq!(tail.line().await, published[1]);
        assert_eq!(tail.line().await, published[2]);
    }
    assert_eq!(logins.line().await, published[2]);
    for tail in [all, begun, logins, hers] {
        tail.interrupt().await;
    }
    app.finish().await;
}
