//! A child process that never outlives its guard.

use std::fmt;
use std::fs::{self, File};
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use tokio::time::timeout;

use super::run_dir;
use super::wait::{eventually, within};

/// How long a stopped process may take to end.
const STOP_TIMEOUT: Duration = Duration::from_secs(60);
/// How long a process may take to answer after its start.
const READY_TIMEOUT: Duration = Duration::from_secs(60);
/// How long one probe may take. Another server on the port may never answer.
const PROBE_TIMEOUT: Duration = Duration::from_secs(3);
/// How much of a log is shown when a test fails.
const LOG_TAIL: usize = 16 * 1024;

/// A process to start. It can be started again after a stop.
#[derive(Clone, Debug)]
pub(crate) struct ProcessSpec {
    /// A short name for messages and for the log file.
    pub(crate) name: &'static str,
    /// The path of the program.
    pub(crate) program: PathBuf,
    pub(crate) args: Vec<String>,
    /// The whole environment, or `None` for that of the test.
    pub(crate) env: Option<Vec<(String, String)>>,
    /// The file for standard output and standard error.
    pub(crate) log: PathBuf,
    /// The user and group, or `None` for those of the test.
    pub(crate) user: Option<(u32, u32)>,
    /// The signal that ends the process at once, and leaves nothing behind in the kernel.
    pub(crate) last_signal: LastSignal,
}

/// The signal that a dropped guard sends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum LastSignal {
    Kill,
    /// SIGQUIT: PostgreSQL's immediate shutdown, which ends its children and frees its shared
    /// memory.
    Quit,
}

impl LastSignal {
    fn signal(self) -> Signal {
        match self {
            Self::Kill => Signal::KILL,
            Self::Quit => Signal::QUIT,
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Kill => "KILL",
            Self::Quit => "QUIT",
        }
    }
}

/// A child process. Dropping it ends the process, and shows its log if the test fails.
#[derive(Debug)]
pub(crate) struct Process {
    spec: ProcessSpec,
    state: State,
}

/// Why a process is not ready.
#[derive(Debug)]
pub(crate) enum NotReady {
    /// It ended because another process listens on its port.
    PortTaken,
    /// It ended for another reason.
    Ended(String),
    /// It runs and does not answer.
    Silent(String),
}

impl fmt::Display for NotReady {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::PortTaken => f.write_str("another process listens on the port"),
            Self::Ended(reason) | Self::Silent(reason) => f.write_str(reason),
        }
    }
}

#[derive(Debug)]
enum State {
    Running(Child),
    /// Ended and waited for. Another process may have its id.
    Ended(Option<ExitStatus>),
}

impl Process {
    /// Starts a process.
    pub(crate) fn start(spec: ProcessSpec) -> Self {
        let mut process = Self::stopped(spec);
        process.start_again();
        process
    }

    /// Returns a process that does not run before [`Process::start_again`].
    pub(crate) fn stopped(spec: ProcessSpec) -> Self {
        Self { spec, state: State::Ended(None) }
    }

    /// Starts the ended process again with the same arguments.
    pub(crate) fn start_again(&mut self) {
        assert!(!self.is_running(), "{} is already running", self.spec.name);
        let log = File::options().create(true).append(true).open(&self.spec.log).expect("open the log");
        let mut command = Command::new(&self.spec.program);
        command
            .args(&self.spec.args)
            .stdin(Stdio::null())
            .stdout(log.try_clone().expect("share the log"))
            .stderr(log)
            // Ctrl-C reaches the tests only. The watchdog ends the children.
            .process_group(0);
        if let Some(env) = &self.spec.env {
            command.env_clear().envs(env.iter().map(|(key, value)| (key, value)));
        }
        if let Some((uid, gid)) = self.spec.user {
            command.uid(uid).gid(gid);
        }
        let child = command
            .spawn()
            .unwrap_or_else(|error| panic!("start {}: {error}", self.spec.program.display()));
        run_dir::watch(child.id(), self.spec.last_signal.name());
        self.state = State::Running(child);
    }

    /// Returns the specification, to change it before [`Process::start_again`].
    pub(crate) fn spec_mut(&mut self) -> &mut ProcessSpec {
        &mut self.spec
    }

    /// Returns the process id of a running process.
    pub(crate) fn pid(&self) -> Option<u32> {
        match &self.state {
            State::Running(child) => Some(child.id()),
            State::Ended(_) => None,
        }
    }

    /// Whether the process was started and has not ended.
    pub(crate) fn is_running(&mut self) -> bool {
        self.exited();
        matches!(self.state, State::Running(_))
    }

    /// Returns the exit status of an ended process.
    pub(crate) fn exited(&mut self) -> Option<ExitStatus> {
        if let State::Running(child) = &mut self.state {
            let status = child.try_wait().expect("read the exit status")?;
            run_dir::unwatch(child.id());
            self.state = State::Ended(Some(status));
        }
        match self.state {
            State::Ended(status) => status,
            State::Running(_) => None,
        }
    }

    /// Waits until the process has ended.
    pub(crate) async fn wait_exit(&mut self, deadline: Duration) -> ExitStatus {
        let end = Instant::now() + deadline;
        loop {
            if let Some(status) = self.exited() {
                return status;
            }
            assert!(Instant::now() < end, "{} has not ended within {deadline:?}", self.spec.name);
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    /// Waits until the process answers `probe`. Panics at once if it ends instead.
    pub(crate) async fn ready<F, Fut>(&mut self, probe: F)
    where
        F: Fn() -> Fut,
        Fut: Future<Output = Result<(), String>>,
    {
        if let Err(reason) = self.try_ready(probe).await {
            panic!("{}: {reason}", self.spec.name);
        }
    }

    /// Waits until the process answers `probe`. Returns at once if it ends instead.
    pub(crate) async fn try_ready<F, Fut>(&mut self, probe: F) -> Result<(), NotReady>
    where
        F: Fn() -> Fut,
        Fut: Future<Output = Result<(), String>>,
    {
        let answered = within(READY_TIMEOUT, || {
            let exited = self.exited();
            let answer = timeout(PROBE_TIMEOUT, probe());
            async move {
                match exited {
                    Some(status) => Ok(Err(status)),
                    None => answer.await.map_err(|_| "no answer".to_owned())?.map(Ok),
                }
            }
        });
        match answered.await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(_)) if self.found_port_taken() => Err(NotReady::PortTaken),
            Ok(Err(status)) => {
                let name = self.spec.name;
                Err(NotReady::Ended(format!("{name} ended with {status} before it was ready")))
            }
            Err(reason) => Err(NotReady::Silent(format!("{} is not ready: {reason}", self.spec.name))),
        }
    }

    /// Whether the log contains the system's message for `EADDRINUSE`.
    fn found_port_taken(&self) -> bool {
        self.log().to_ascii_lowercase().contains("address already in use")
    }

    /// Sends SIGTERM, and waits until the process has ended.
    pub(crate) async fn stop(&mut self) -> ExitStatus {
        self.signal(Signal::TERM);
        self.wait_exit(STOP_TIMEOUT).await
    }

    /// Ends the process with SIGKILL.
    pub(crate) fn kill(&mut self) {
        self.end(Signal::KILL);
    }

    /// Freezes the process with SIGSTOP: it keeps its connections and answers nothing.
    pub(crate) fn pause(&self) {
        self.signal(Signal::STOP);
        // The signal stops the threads one after the other. Return when all are stopped.
        let end = Instant::now() + STOP_TIMEOUT;
        while !self.pid().is_none_or(all_threads_stopped) {
            assert!(Instant::now() < end, "{} does not freeze", self.spec.name);
            std::thread::yield_now();
        }
    }

    /// Waits until the process has stopped itself.
    pub(crate) async fn frozen(&self, deadline: Duration) {
        let pid = self.pid().unwrap_or_else(|| panic!("{} is not running", self.spec.name));
        eventually(deadline, || async { all_threads_stopped(pid) }).await;
    }

    /// Resumes a frozen process with SIGCONT.
    pub(crate) fn resume(&self) {
        self.signal(Signal::CONT);
    }

    /// Sends a signal to the running process.
    pub(crate) fn signal(&self, signal: Signal) {
        let pid = self.pid().unwrap_or_else(|| panic!("{} is not running", self.spec.name));
        let pid = Pid::from_raw(i32::try_from(pid).expect("a process id")).expect("a process id");
        // The child was not waited for, so the id is still its own. A child that has just ended is
        // no error.
        let _ = kill_process(pid, signal);
    }

    /// Returns the output so far.
    pub(crate) fn log(&self) -> String {
        String::from_utf8_lossy(&fs::read(&self.spec.log).unwrap_or_default()).into_owned()
    }

    /// Waits until the log contains `text`.
    pub(crate) async fn logged(&self, text: &str, deadline: Duration) {
        eventually(deadline, || async {
            if self.log().contains(text) {
                Ok(())
            } else {
                Err(format!("no {text:?} in the log of {}", self.spec.name))
            }
        })
        .await;
    }

    fn end(&mut self, signal: Signal) {
        if !self.is_running() {
            return;
        }
        self.signal(signal);
        self.signal(Signal::CONT);
        if let State::Running(child) = &mut self.state {
            let status = child.wait().ok();
            run_dir::unwatch(child.id());
            self.state = State::Ended(status);
        }
    }

    fn show_log(&self) {
        let log = self.log();
        let start = log.char_indices().map(|(at, _)| at).find(|at| log.len() - at <= LOG_TAIL).unwrap_or(0);
        let tail = log.get(start..).unwrap_or_default();
        show(&format!("--- {} ({}) ---\n{tail}", self.spec.name, self.spec.log.display()));
    }
}

/// Whether every thread of a process is stopped. Assumed where there is no /proc.
pub(crate) fn all_threads_stopped(pid: u32) -> bool {
    let threads = fs::read_dir(format!("/proc/{pid}/task")).into_iter().flatten().flatten();
    threads
        .map(|thread| fs::read_to_string(thread.path().join("stat")).unwrap_or_default())
        .all(|stat| {
            // The format is `pid (name) state …`, and the name may contain anything. A thread that
            // has ended has no text.
            stat.rsplit_once(") ").is_none_or(|(_, state)| state.starts_with(['T', 'Z', 'X']))
        })
}

#[expect(clippy::print_stderr, reason = "shows the log of a failed test")]
fn show(text: &str) {
    eprintln!("{text}");
}

impl Drop for Process {
    fn drop(&mut self) {
        self.end(self.spec.last_signal.signal());
        if std::thread::panicking() {
            self.show_log();
        }
    }
}
