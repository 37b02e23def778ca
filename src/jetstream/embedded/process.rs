//! The process of the server: started so that it ends with this process, and terminated before it
//! is killed.

use std::{
    fs::File,
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

/// The longest wait for a server to end after SIGTERM.
const TERM_TIMEOUT: Duration = Duration::from_secs(5);
/// The longest wait for a killed server to be gone.
const KILL_TIMEOUT: Duration = Duration::from_secs(2);

#[derive(Debug)]
pub(crate) struct Child {
    pub(crate) pid: u32,
    exited: oneshot::Receiver<io::Result<ExitStatus>>,
}

impl Child {
    /// Start the server. A thread of its own waits for it: where `setpriv` is installed, the kernel
    /// ends the server together with that thread, and so together with this process, even when that
    /// is killed. The locked file becomes its standard input: the lock ends with the server.
    ///
    /// # Errors
    ///
    /// When it cannot be started.
    pub(crate) async fn start(program: &Path, config: &Path, store: File) -> io::Result<Self> {
        let (started_tx, started) = oneshot::channel();
        let (exited_tx, exited) = oneshot::channel();
        let (program, config) = (program.to_owned(), config.to_owned());
        thread::Builder::new().name("nats-server".to_owned()).spawn(move || {
            let mut child = match command(&program, &config, store).spawn() {
                Ok(child) => child,
                Err(error) => return drop(started_tx.send(Err(error))),
            };
            // Without a receiver the caller is gone; the record of the child will end it.
            let _ = started_tx.send(Ok(child.id()));
            for line in child.stderr.take().into_iter().flat_map(|pipe| BufReader::new(pipe).lines()) {
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

    /// Wait until the server has ended; return its status.
    pub(crate) async fn exited(&mut self) -> String {
        match (&mut self.exited).await {
            Ok(Ok(status)) => status.to_string(),
            Ok(Err(error)) => error.to_string(),
            Err(_) => "unknown".to_owned(),
        }
    }

    /// Terminate the server; kill it after a few seconds.
    pub(crate) async fn stop(mut self) {
        for (signal, timeout) in [(Signal::TERM, TERM_TIMEOUT), (Signal::KILL, KILL_TIMEOUT)] {
            send(self.pid, signal);
            if tokio::time::timeout(timeout, self.exited()).await.is_ok() {
                return;
            }
        }
        tracing::error!(server_pid = self.pid, "nats-server does not end");
    }
}

fn command(program: &Path, config: &Path, store: File) -> Command {
    let mut command = match setpriv() {
        Some(setpriv) => {
            let mut command = Command::new(setpriv);
            command.args(["--pdeathsig", "TERM", "--"]).arg(program);
            command
        }
        None => Command::new(program),
    };
    // Its own group: an interrupt from the keyboard reaches this process alone, which flushes its
    // events first.
    command.arg("-c").arg(config).process_group(0);
    command.stdin(store).stdout(Stdio::null()).stderr(Stdio::piped());
    command
}

/// Find the `setpriv` of util-linux; that of busybox does not support `--pdeathsig`.
fn setpriv() -> Option<PathBuf> {
    let program = on_path("setpriv").find(|path| path.is_file())?;
    let mut probe = Command::new(&program);
    probe.args(["--pdeathsig", "TERM", "--", "true"]);
    probe.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    probe.status().is_ok_and(|status| status.success()).then_some(program)
}

pub(crate) fn send(pid: u32, signal: Signal) {
    if let Some(pid) = i32::try_from(pid).ok().and_then(Pid::from_raw) {
        // It fails when the process has just ended.
        let _ = kill_process(pid, signal);
    }
}
