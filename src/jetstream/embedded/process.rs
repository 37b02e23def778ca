//! The server's process: started so that it ends with us, ended gently, recognised when it was left behind.

use std::{
    fs,
    io::{self, BufRead as _, BufReader},
    os::unix::process::CommandExt as _,
    path::{Path, PathBuf},
    process::{Command, ExitStatus, Stdio},
    thread,
    time::Duration,
};

use rustix::process::{Pid, Signal, kill_process};
use tokio::sync::oneshot;

use super::locate::on_path;

/// How long a server may take to end by itself.
const GRACE: Duration = Duration::from_secs(5);
/// How long a killed server may take to be gone.
const KILL_GRACE: Duration = Duration::from_secs(2);
/// How often a process that is not our child is looked at.
const LOOK: Duration = Duration::from_millis(20);

/// A running child process.
#[derive(Debug)]
pub(crate) struct Child {
    /// Its process id.
    pub(crate) pid: u32,
    exited: oneshot::Receiver<io::Result<ExitStatus>>,
}

impl Child {
    /// Starts the server. Its own thread waits for it: where `setpriv` is there, the kernel ends the server
    /// together with that thread, which is together with this process, also when that is killed.
    ///
    /// # Errors
    ///
    /// When it cannot be started.
    pub(crate) async fn start(program: &Path, config: &Path) -> io::Result<Self> {
        let (started_tx, started) = oneshot::channel();
        let (exited_tx, exited) = oneshot::channel();
        let (program, config) = (program.to_owned(), config.to_owned());
        thread::Builder::new().name("nats-server".to_owned()).spawn(move || {
            let mut child = match command(&program, &config).spawn() {
                Ok(child) => child,
                Err(error) => return drop(started_tx.send(Err(error))),
            };
            // Nobody waits any more: the receiver's owner is gone, and so will be the child by its record.
            let _ = started_tx.send(Ok(child.id()));
            for line in child
                .stderr
                .take()
                .into_iter()
                .flat_map(|pipe| BufReader::new(pipe).lines())
            {
                match line {
                    Ok(line) => tracing::warn!(line, "nats-server"),
                    Err(_) => break,
                }
            }
            let _ = exited_tx.send(child.wait());
        })?;
        let gone = || io::Error::other("the thread that starts nats-server ended");
        let pid = started.await.map_err(|_| gone())??;
        Ok(Self { pid, exited })
    }

    /// Resolves when the server has ended, with how.
    pub(crate) async fn exited(&mut self) -> String {
        match (&mut self.exited).await {
            Ok(Ok(status)) => status.to_string(),
            Ok(Err(error)) => error.to_string(),
            Err(_) => "unknown".to_owned(),
        }
    }

    /// Ends the server: asks first, kills after a few seconds.
    pub(crate) async fn stop(mut self) {
        for (signal, grace) in [(Signal::TERM, GRACE), (Signal::KILL, KILL_GRACE)] {
            send(self.pid, signal);
            if tokio::time::timeout(grace, self.exited()).await.is_ok() {
                return;
            }
        }
        tracing::error!(server_pid = self.pid, "nats-server does not end");
    }
}

fn command(program: &Path, config: &Path) -> Command {
    let mut command = match setpriv() {
        Some(setpriv) => {
            let mut command = Command::new(setpriv);
            command.args(["--pdeathsig", "TERM", "--"]).arg(program);
            command
        }
        None => Command::new(program),
    };
    // Its own group: an interrupt from the keyboard is for us, and we flush our events before it ends.
    command.arg("-c").arg(config).process_group(0);
    command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped());
    command
}

/// util-linux' `setpriv`, when it is there and knows `--pdeathsig` (busybox' does not).
fn setpriv() -> Option<PathBuf> {
    let program = on_path("setpriv").find(|path| path.is_file())?;
    let mut probe = Command::new(&program);
    probe.args(["--pdeathsig", "TERM", "--", "true"]);
    probe.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    probe.status().is_ok_and(|status| status.success()).then_some(program)
}

/// Ends a server that an instance left behind when it was killed. Only a process that still is that server
/// is touched: its executable and its command line say so.
pub(crate) async fn end_orphan(pid: u32, config: &Path) {
    for (signal, grace) in [(Signal::TERM, GRACE), (Signal::KILL, KILL_GRACE)] {
        if !is_server(pid, config) {
            return;
        }
        tracing::info!(
            server_pid = pid,
            ?signal,
            "ending the nats-server that an earlier instance left behind"
        );
        send(pid, signal);
        let _ = tokio::time::timeout(grace, gone(pid, config)).await;
    }
}

async fn gone(pid: u32, config: &Path) {
    while is_server(pid, config) {
        tokio::time::sleep(LOOK).await;
    }
}

/// Whether this process is a nats-server with this configuration file.
pub(crate) fn is_server(pid: u32, config: &Path) -> bool {
    let proc = PathBuf::from(format!("/proc/{pid}"));
    let is_nats = fs::read_link(proc.join("exe")).is_ok_and(|exe| {
        exe.file_name()
            .is_some_and(|name| name.to_string_lossy().starts_with("nats-server"))
    });
    let command = fs::read(proc.join("cmdline")).unwrap_or_default();
    let config = config.as_os_str().as_encoded_bytes();
    is_nats && command.split(|byte| *byte == 0).any(|argument| argument == config)
}

fn send(pid: u32, signal: Signal) {
    if let Some(pid) = i32::try_from(pid).ok().and_then(Pid::from_raw) {
        // A process that has just ended needs no signal.
        let _ = kill_process(pid, signal);
    }
}
