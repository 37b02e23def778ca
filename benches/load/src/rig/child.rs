//! A child process that ends with its guard.

use std::fs::File;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

use crate::Outcome;

/// How long a process may take to end when it is asked to.
const STOP: Duration = Duration::from_secs(30);

/// A running process.
pub(crate) struct Child(std::process::Child);

impl Child {
    /// Starts it; standard output and error go to a file.
    pub(crate) fn start(command: &mut Command, log: &Path) -> Outcome<Self> {
        let log = File::create(log)?;
        let child = command
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log)
            .spawn();
        Ok(Self(child.map_err(|error| {
            format!("{}: {error}", command.get_program().display())
        })?))
    }

    /// Its id.
    pub(crate) fn id(&self) -> u32 {
        self.0.id()
    }

    /// Whether it has ended by itself.
    pub(crate) fn ended(&mut self) -> bool {
        matches!(self.0.try_wait(), Ok(Some(_)) | Err(_))
    }

    /// Whether it has ended by itself, and well.
    pub(crate) fn succeeded(&mut self) -> bool {
        matches!(self.0.try_wait(), Ok(Some(status)) if status.success())
    }

    /// Asks it to end and waits.
    pub(crate) async fn stop(&mut self, signal: Signal) -> Outcome<()> {
        let asked = Instant::now();
        self.signal(signal);
        while !self.ended() {
            if asked.elapsed() > STOP {
                return Err("a process does not end".into());
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        Ok(())
    }

    fn signal(&self, signal: Signal) {
        if let Some(pid) = i32::try_from(self.0.id()).ok().and_then(Pid::from_raw) {
            let _ = kill_process(pid, signal);
        }
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        if !self.ended() {
            // PostgreSQL ends its own children on this signal, at once; nobody needs what the others would still write.
            self.signal(Signal::QUIT);
            let asked = Instant::now();
            while !self.ended() && asked.elapsed() < Duration::from_secs(3) {
                std::thread::sleep(Duration::from_millis(5));
            }
            let _ = self.0.kill();
            let _ = self.0.wait();
        }
    }
}
