//! One bash that runs the blocks of documents, as a reader's terminal would.

use std::fs;
use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process_group};
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader, Lines};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};
use tokio::time::{Instant, sleep, timeout};

use super::machine::Machine;
use crate::support::run_dir::repository;

/// How long a block may take.
const BLOCK_TIMEOUT: Duration = Duration::from_secs(60);
/// How long a block without an end may take to print what the document shows.
const ENDLESS_TIMEOUT: Duration = Duration::from_secs(10);

/// A shell. What it has started ends with it.
pub(super) struct Shell {
    bash: Child,
    commands: Option<ChildStdin>,
    /// A line with the exit code after each block.
    codes: Lines<BufReader<ChildStdout>>,
    directory: PathBuf,
    blocks: usize,
}

/// How a block ended, and what it printed.
pub(super) struct Ran {
    pub(super) code: i32,
    pub(super) output: String,
}

impl Shell {
    pub(super) async fn start(machine: &Machine) -> Self {
        let log = fs::File::create(machine.directory().join("shell.log")).expect("create the shell's log");
        let mut bash = Command::new("bash")
            .args(["--noprofile", "--norc"])
            .current_dir(machine.directory())
            .env_clear()
            .envs(machine.environment())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(log)
            .process_group(0)
            .spawn()
            .expect("start bash");
        let codes = BufReader::new(bash.stdout.take().expect("its output")).lines();
        let mut shell = Self {
            commands: bash.stdin.take(),
            bash,
            codes,
            directory: machine.directory().to_owned(),
            blocks: 0,
        };
        let prelude = fs::read_to_string(repository().join("tests/it/documentation/prelude.sh")).expect("prelude.sh");
        shell.succeed(&prelude).await;
        shell
    }

    /// Runs commands that are no part of a document.
    pub(super) async fn succeed(&mut self, commands: &str) {
        let ran = self.run(commands).await;
        assert_eq!(ran.code, 0, "{commands}\n{}", ran.output);
    }

    /// Runs a block to its end.
    pub(super) async fn run(&mut self, commands: &str) -> Ran {
        let file = self.write(commands);
        let line = format!("{{ . ./{file}.sh; }} >{file}.out 2>&1 </dev/null; echo $?\n");
        self.send(&line).await;
        let Ok(code) = timeout(BLOCK_TIMEOUT, self.codes.next_line()).await else {
            let output = self.output(&file);
            return Ran {
                code: -1,
                output: format!("{output}(not at its end after {BLOCK_TIMEOUT:?})"),
            };
        };
        let code = match code.expect("read an exit code") {
            Some(code) => code.parse().expect("an exit code"),
            // A command has failed, and `set -e` has ended the shell.
            None => self.bash.wait().await.expect("bash has ended").code().unwrap_or(-1),
        };
        Ran { code, output: self.output(&file) }
    }

    /// Runs a block that has no end until it has printed what is wanted.
    pub(super) async fn run_endless(&mut self, commands: &str, wanted: impl Fn(&str) -> bool) -> String {
        let file = self.write(commands);
        // Job control gives it a process group, so that it can be ended whole.
        self.send(&format!(
            "set -m; (set +e; trap - ERR; . ./{file}.sh) >{file}.out 2>&1 </dev/null & endless=$!; set +m\n"
        ))
        .await;
        let end = Instant::now() + ENDLESS_TIMEOUT;
        while Instant::now() < end && !wanted(&self.output(&file)) {
            sleep(Duration::from_millis(50)).await;
        }
        self.succeed("kill -- -$endless; wait $endless || true").await;
        self.output(&file)
    }

    /// Ends the shell, and with it what it has started.
    pub(super) async fn end(mut self) {
        drop(self.commands.take());
        timeout(BLOCK_TIMEOUT, self.bash.wait())
            .await
            .expect("bash ends in time")
            .expect("bash has ended");
    }

    fn write(&mut self, commands: &str) -> String {
        self.blocks += 1;
        let file = format!("block-{}", self.blocks);
        fs::write(self.directory.join(format!("{file}.sh")), commands).expect("write a block");
        file
    }

    async fn send(&mut self, line: &str) {
        let commands = self.commands.as_mut().expect("the shell is not ended");
        // When the shell has ended, its exit code is found instead of an answer.
        drop(commands.write_all(line.as_bytes()).await);
    }

    fn output(&self, file: &str) -> String {
        let bytes = fs::read(self.directory.join(format!("{file}.out"))).unwrap_or_default();
        String::from_utf8_lossy(&bytes).into_owned()
    }
}

impl Drop for Shell {
    fn drop(&mut self) {
        // Nothing when it has been waited for.
        let id = self.bash.id().and_then(|id| i32::try_from(id).ok()).and_then(Pid::from_raw);
        if let Some(id) = id {
            let _ = kill_process_group(id, Signal::KILL);
        }
    }
}
