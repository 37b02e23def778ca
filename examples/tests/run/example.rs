//! An example as a program, and the durable it reads with.

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
use watchword_events::{AuthEvent, Event, UserRef};

use crate::support::{NatsServer, PATIENCE, event, eventually, publish};

/// An example with its settings and a directory of its own, in which it can be started again.
pub(crate) struct Example {
    name: &'static str,
    arguments: Vec<String>,
    settings: Vec<(&'static str, String)>,
    directory: TempDir,
}

impl Example {
    pub(crate) fn new(name: &'static str, server: &NatsServer) -> Self {
        Self {
            name,
            arguments: Vec::new(),
            settings: vec![("NATS_URL", server.url())],
            directory: tempfile::tempdir().unwrap(),
        }
    }

    pub(crate) fn argument(mut self, argument: impl Into<String>) -> Self {
        self.arguments.push(argument.into());
        self
    }

    /// Sets an environment variable; the last setting of a name counts.
    pub(crate) fn set(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.settings.push((name, value.into()));
        self
    }

    fn command(&self) -> Command {
        // Examples are built with the tests, into the folder beside theirs.
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

    /// Runs it to a good end, and hands back what it printed.
    pub(crate) async fn output(&self) -> String {
        let output = tokio::time::timeout(PATIENCE, self.command().output()).await.unwrap();
        let output = output.unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    }

    /// Runs it, wants it to give up, and hands back what it says about that.
    pub(crate) async fn failure(&self) -> String {
        let output = tokio::time::timeout(PATIENCE, self.command().output()).await.unwrap();
        let output = output.unwrap();
        assert!(!output.status.success(), "it does not fail");
        assert!(output.stdout.is_empty(), "{}", String::from_utf8_lossy(&output.stdout));
        String::from_utf8(output.stderr).unwrap()
    }
}

/// An example that runs.
pub(crate) struct Running {
    child: Child,
    lines: Lines<BufReader<ChildStdout>>,
}

impl Running {
    pub(crate) async fn line(&mut self) -> String {
        let line = tokio::time::timeout(PATIENCE, self.lines.next_line()).await;
        line.unwrap().unwrap().unwrap()
    }

    /// Presses ctrl-c, and wants nothing more on the output and a clean end.
    pub(crate) async fn stop(mut self) {
        let process = self.child.id().unwrap().to_string();
        let sent = Command::new("kill").args(["-INT", &process]).status().await.unwrap();
        assert!(sent.success());
        let status = tokio::time::timeout(PATIENCE, self.child.wait()).await;
        let status = status.unwrap().unwrap();
        assert!(status.success(), "{status}");
        assert_eq!(self.lines.next_line().await.unwrap(), None);
    }
}

/// Waits until the durable has delivered so many messages since it was made, and all are acknowledged.
pub(crate) async fn caught_up(stream: &Stream, durable: &str, deliveries: u64) {
    eventually("everything is acknowledged", async || {
        let info = stream.consumer_info(durable).await.ok()?;
        let idle = info.num_pending == 0 && info.num_ack_pending == 0;
        (idle && info.delivered.consumer_sequence >= deliveries).then_some(())
    })
    .await;
}

/// Deletes the durable. Whoever starts next makes it again, and gets everything a second time.
pub(crate) async fn forget(stream: &Stream, durable: &str) {
    stream.delete_consumer(durable).await.unwrap();
}

/// When the first event of a test happened: long enough ago not to be taken for the time of the test.
pub(crate) const START: OffsetDateTime = time::macros::datetime!(2026-03-01 12:00:00 UTC);

/// Publishes one account's events, as the service would.
pub(crate) struct Account<'a> {
    pub(crate) id: Uuid,
    context: &'a Context,
    seq: i64,
}

impl<'a> Account<'a> {
    pub(crate) fn new(context: &'a Context, number: u128) -> Self {
        // A `UUIDv7` of its own: ids that are equal up to a number would hide a key that is too short.
        let id = Uuid::from_u128(0x019c_a9b7_0000_7000_8000_0000_0000_0000 | number << 64 | number);
        Self { id, context, seq: 0 }
    }

    /// Publishes the account's next event.
    pub(crate) async fn does(&mut self, what: impl Into<AuthEvent>, after: Duration) -> Event {
        let event = self.next(what, after);
        publish(self.context, &event).await;
        event
    }

    /// The account's next event, which happens so long after [`START`].
    pub(crate) fn next(&mut self, what: impl Into<AuthEvent>, after: Duration) -> Event {
        let what = what.into();
        self.seq += 1;
        let number = self.id.as_u128() & 0xffff;
        Event {
            // In the order of time, as the service's ids are.
            id: Uuid::from_u128(
                0x019c_a9b8_0000_7000_8000_0000_0000_0000
                    + (after.as_millis() << 80)
                    + (number << 16)
                    + self.seq as u128,
            ),
            timestamp: START + after,
            user: Some(UserRef {
                id: self.id,
                seq: self.seq,
            }),
            event: what,
            ..event(watchword_events::EventKind::Registered, 0)
        }
    }
}
