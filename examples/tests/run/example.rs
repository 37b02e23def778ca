//! An example as a child process, its durable, and accounts whose events it reads.

use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use async_nats::jetstream::Context;
use async_nats::jetstream::stream::Stream;
use tempfile::TempDir;
use time::OffsetDateTime;
use tokio::io::{AsyncBufReadExt as _, BufReader, Lines};
use tokio::process::{Child, ChildStdout, Command};
use uuid::Uuid;
use watchword_events::{AuthEvent, Event, EventKind, Registered, UserRef, example};

use crate::support::{NatsServer, TEST_TIMEOUT, eventually, publish};

/// An example with its settings and its own directory, which it keeps between runs.
pub(crate) struct Example {
    name: &'static str,
    arguments: Vec<String>,
    settings: Vec<(&'static str, String)>,
    directory: TempDir,
}

impl Example {
    pub(crate) fn new(name: &'static str, server: &NatsServer) -> Self {
        Self::at(name, server.url())
    }

    pub(crate) fn at(name: &'static str, nats_url: String) -> Self {
        Self {
            name,
            arguments: Vec::new(),
            settings: vec![("NATS_URL", nats_url)],
            directory: tempfile::tempdir().unwrap(),
        }
    }

    /// The path of a file in the example's own directory.
    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    pub(crate) fn argument(mut self, argument: impl Into<String>) -> Self {
        self.arguments.push(argument.into());
        self
    }

    /// Sets an environment variable. The last value of a name applies.
    pub(crate) fn set(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.settings.push((name, value.into()));
        self
    }

    fn command(&self) -> Command {
        // Cargo builds examples with the tests, into the folder beside theirs.
        let tests = std::env::current_exe().unwrap();
        let program: PathBuf = tests.ancestors().nth(2).unwrap().join("examples").join(self.name);
        let mut command = Command::new(program);
        command
            .args(&self.arguments)
            .envs(self.settings.iter().map(|(name, value)| (name, value)))
            .current_dir(self.directory.path())
            .kill_on_drop(true);
        command
    }

    pub(crate) fn start(&self) -> Running {
        let mut child = self.command().stdout(Stdio::piped()).spawn().unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        Running { child, lines }
    }

    /// Runs the example until it succeeds, and returns its output.
    pub(crate) async fn output(&self) -> String {
        let output = tokio::time::timeout(TEST_TIMEOUT, self.command().output()).await.unwrap();
        let output = output.unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    }

    /// Runs the example until it fails, and returns its error output.
    pub(crate) async fn failure(&self) -> String {
        let output = tokio::time::timeout(TEST_TIMEOUT, self.command().output()).await.unwrap();
        let output = output.unwrap();
        assert!(!output.status.success(), "the example succeeded");
        assert!(output.stdout.is_empty(), "{}", String::from_utf8_lossy(&output.stdout));
        String::from_utf8(output.stderr).unwrap()
    }
}

/// A running example.
pub(crate) struct Running {
    child: Child,
    lines: Lines<BufReader<ChildStdout>>,
}

impl Running {
    pub(crate) async fn line(&mut self) -> String {
        let line = tokio::time::timeout(TEST_TIMEOUT, self.lines.next_line()).await;
        line.unwrap().unwrap().unwrap()
    }

    /// Sends SIGKILL.
    pub(crate) async fn kill(mut self) {
        self.child.kill().await.unwrap();
    }

    /// Sends SIGINT, and expects no more output and a clean exit.
    pub(crate) async fn stop(self) {
        let mut lines = self.quit().await;
        assert_eq!(lines.next_line().await.unwrap(), None);
    }

    /// Sends SIGINT, expects a clean exit, and returns the remaining output.
    pub(crate) async fn quit(mut self) -> Lines<BufReader<ChildStdout>> {
        let process = self.child.id().unwrap().to_string();
        let sent = Command::new("kill").args(["-INT", &process]).status().await.unwrap();
        assert!(sent.success());
        let status = tokio::time::timeout(TEST_TIMEOUT, self.child.wait()).await;
        let status = status.unwrap().unwrap();
        assert!(status.success(), "{status}");
        self.lines
    }
}

/// Waits until the durable has delivered this many messages since its creation and all are
/// acknowledged.
pub(crate) async fn caught_up(stream: &Stream, durable: &str, deliveries: u64) {
    eventually("everything is acknowledged", async || {
        let info = stream.consumer_info(durable).await.ok()?;
        let idle = info.num_pending == 0 && info.num_ack_pending == 0;
        (idle && info.delivered.consumer_sequence >= deliveries).then_some(())
    })
    .await;
}

/// Deletes the durable. The next program recreates it and gets every event again.
pub(crate) async fn delete_durable(stream: &Stream, durable: &str) {
    stream.delete_consumer(durable).await.unwrap();
}

/// Returns the registration of an account with this name.
pub(crate) fn registered(email: &str, name: &str) -> Registered {
    let AuthEvent::Registered(mut account) = example::of(EventKind::Registered).event else {
        panic!("not the example of a registration")
    };
    account.email = Some(email.to_owned());
    account.name = Some(name.to_owned());
    account
}

/// The time of a test's first event, which differs from the time of the test run.
pub(crate) const START: OffsetDateTime = time::macros::datetime!(2026-03-01 12:00:00 UTC);

/// Publishes an account's events, as the service does.
pub(crate) struct Account<'a> {
    pub(crate) id: Uuid,
    context: &'a Context,
    seq: i64,
}

impl<'a> Account<'a> {
    pub(crate) fn new(context: &'a Context, number: u128) -> Self {
        // The number is in both halves: ids that differ in one would hide a truncated key.
        let id = Uuid::from_u128(0x019c_a9b7_0000_7000_8000_0000_0000_0000 | number << 64 | number);
        Self { id, context, seq: 0 }
    }

    /// Publishes the account's next event.
    pub(crate) async fn publish(&mut self, event: impl Into<AuthEvent>, after: Duration) -> Event {
        let event = self.next(event, after);
        publish(self.context, &event).await;
        event
    }

    /// Returns the account's next event, at this time after [`START`].
    pub(crate) fn next(&mut self, event: impl Into<AuthEvent>, after: Duration) -> Event {
        self.seq += 1;
        let number = self.id.as_u128() & 0xffff;
        Event {
            // Ordered by time, as the service's ids are.
            id: Uuid::from_u128(
                0x019c_a9b8_0000_7000_8000_0000_0000_0000
                    + (after.as_millis() << 80)
                    + (number << 16)
                    + self.seq as u128,
            ),
            timestamp: START + after,
            user: Some(UserRef { id: self.id, seq: Some(self.seq) }),
            event: event.into(),
            ..example::of(EventKind::Registered)
        }
    }
}
