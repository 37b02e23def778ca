//! Runs the real binary as a child process that a test can kill, crash and signal.

use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use rustix::process::Signal;
use tokio::io::AsyncWriteExt as _;
use tokio::time::timeout;

use super::http::Http;
use super::ports::free_port;
use super::process::{LastSignal, NotReady, Process, ProcessSpec};
use super::run_dir::scratch;

/// The path of the binary.
const PROGRAM: &str = env!("CARGO_BIN_EXE_watchword");

/// The script of [`BinaryOptions::survives_file_limits`]; the program keeps the id of the process.
const SURVIVING: &str = r#"trap '' XFSZ; exec "$0" "$@" > >(exec cat) 2>&1"#;

/// How often a start is retried with other ports, when the ports are taken.
const MAX_STARTS: usize = 10;

/// How long a command may take.
const COMMAND_TIMEOUT: Duration = Duration::from_secs(60);

/// A running `watchword`. Dropping it ends the process.
#[derive(Debug)]
pub(crate) struct Binary {
    process: Process,
    http: Http,
    data_dir: PathBuf,
}

/// How to start the binary.
#[derive(Clone, Debug)]
pub(crate) struct BinaryOptions {
    /// The data directory; `None` creates one.
    pub(crate) data_dir: Option<PathBuf>,
    /// The environment, besides PATH, the ports and the data directory.
    pub(crate) env: Vec<(String, String)>,
    /// The command and its arguments.
    pub(crate) args: Vec<String>,
    /// Whether writes beyond a limit of the size of files fail, as on a full disk. Otherwise the
    /// kernel ends the process. What it prints goes through a pipe, which has no such limit.
    pub(crate) survives_file_limits: bool,
}

impl BinaryOptions {
    /// Returns options for `serve` with these environment variables.
    pub(crate) fn serve(env: &[(&str, &str)]) -> Self {
        Self::command(&["serve"], env)
    }

    /// Returns options for any command with these environment variables.
    pub(crate) fn command(args: &[&str], env: &[(&str, &str)]) -> Self {
        let env = env.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
        Self {
            data_dir: None,
            env,
            args: args.iter().map(|arg| (*arg).to_owned()).collect(),
            survives_file_limits: false,
        }
    }

    /// Sets an environment variable.
    pub(crate) fn with(mut self, key: &str, value: &str) -> Self {
        self.env.push((key.into(), value.into()));
        self
    }
}

/// The exit status and the output of a command.
#[derive(Clone, Debug)]
pub(crate) struct Ended {
    pub(crate) status: ExitStatus,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

/// Runs a command to its end, with `input` on its standard input.
pub(crate) async fn run(options: BinaryOptions, input: &str) -> Ended {
    run_after(options, Duration::ZERO, input).await
}

/// As [`run`], with an operator who thinks for so long before the input.
pub(crate) async fn run_after(options: BinaryOptions, pause: Duration, input: &str) -> Ended {
    let data_dir = options.data_dir.unwrap_or_else(|| scratch("command").join("data"));
    let mut child = tokio::process::Command::new(PROGRAM)
        .args(options.args)
        .env_clear()
        .envs(environment(free_port(), &data_dir, options.env))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .expect("start the command");
    let mut stdin = child.stdin.take().expect("the standard input");
    tokio::time::sleep(pause).await;
    // A command that reads no input may have ended.
    drop(stdin.write_all(input.as_bytes()).await);
    drop(stdin);
    let output = timeout(COMMAND_TIMEOUT, child.wait_with_output())
        .await
        .expect("the command ends in time")
        .expect("its output");
    let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
    Ended {
        status: output.status,
        stdout: text(output.stdout),
        stderr: text(output.stderr),
    }
}

/// Returns the whole environment of a process.
fn environment(port: u16, data_dir: &Path, more: Vec<(String, String)>) -> Vec<(String, String)> {
    let own = [
        ("PATH", std::env::var("PATH").unwrap_or_default()),
        ("PORT", port.to_string()),
        ("WATCHWORD__HTTP__HOST", "127.0.0.1".into()),
        ("WATCHWORD__METRICS__LISTEN", "127.0.0.1:0".into()),
        ("WATCHWORD__DATA_DIR", data_dir.display().to_string()),
        ("WATCHWORD__LIMITS__ENABLED", "false".into()),
        ("WATCHWORD__PASSWORDS__MAX_WAIT", "8s".into()),
    ];
    own.into_iter().map(|(key, value)| (key.to_owned(), value)).chain(more).collect()
}

impl Binary {
    /// Starts the binary, and waits until it is ready.
    pub(crate) async fn start(options: BinaryOptions) -> Self {
        for _ in 0..MAX_STARTS {
            let mut binary = Self::start_unready(options.clone());
            match binary.try_ready().await {
                Ok(()) => return binary,
                Err(NotReady::PortTaken) => {}
                Err(reason) => panic!("{reason}"),
            }
        }
        panic!("{MAX_STARTS} ports in a row were taken by another process");
    }

    /// Starts the binary without waiting, since it may refuse to start.
    pub(crate) fn start_unready(options: BinaryOptions) -> Self {
        let dir = scratch("binary");
        let data_dir = options.data_dir.unwrap_or_else(|| dir.join("data"));
        let port = free_port();
        let env = environment(port, &data_dir, options.env);
        let (program, args) = match options.survives_file_limits {
            false => (PROGRAM, options.args),
            true => (
                "bash",
                ["-c", SURVIVING, PROGRAM].into_iter().map(str::to_owned).chain(options.args).collect(),
            ),
        };
        let process = Process::start(ProcessSpec {
            name: "watchword",
            program: program.into(),
            args,
            env: Some(env),
            log: dir.join("watchword.log"),
            user: None,
            last_signal: LastSignal::Kill,
        });
        Self { process, http: Http::new(port), data_dir }
    }

    /// Waits until /readyz answers 200.
    pub(crate) async fn ready(&mut self) {
        if let Err(reason) = self.try_ready().await {
            panic!("{reason}");
        }
    }

    async fn try_ready(&mut self) -> Result<(), NotReady> {
        let http = self.http.clone();
        let probe = || async {
            match http.try_send(http.request(reqwest::Method::GET, "/readyz")).await {
                Ok(answer) if answer.status == 200 => Ok(()),
                Ok(answer) => Err(format!("{} {}", answer.status, answer.text)),
                Err(error) => Err(error.to_string()),
            }
        };
        self.process.try_ready(probe).await
    }

    /// Returns a client of the instance.
    pub(crate) fn http(&self) -> &Http {
        &self.http
    }

    /// Returns the data directory.
    pub(crate) fn data_dir(&self) -> &Path {
        &self.data_dir
    }

    /// Returns the child process.
    pub(crate) fn process(&mut self) -> &mut Process {
        &mut self.process
    }

    /// Returns the id of the running process.
    pub(crate) fn pid(&self) -> Option<u32> {
        self.process.pid()
    }

    /// Ends the process with SIGKILL.
    pub(crate) fn kill(&mut self) {
        self.process.kill();
    }

    /// Waits until the process ends by itself, such as at a crash point.
    pub(crate) async fn wait_exit(&mut self, deadline: Duration) -> ExitStatus {
        self.process.wait_exit(deadline).await
    }

    /// Sends SIGTERM, and waits until the process has ended.
    pub(crate) async fn stop(&mut self) -> ExitStatus {
        self.process.stop().await
    }

    /// Sends SIGTERM without waiting.
    pub(crate) fn terminate(&self) {
        self.process.signal(Signal::TERM);
    }

    /// Starts the ended process again with the same ports and data, and sets or removes one
    /// variable.
    pub(crate) async fn start_again(&mut self, variable: &str, value: Option<&str>) {
        if let Some(env) = &mut self.process.spec_mut().env {
            env.retain(|(key, _)| key != variable);
            env.extend(value.map(|value| (variable.to_owned(), value.to_owned())));
        }
        self.process.start_again();
        self.ready().await;
    }
}
