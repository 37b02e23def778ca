//! A child process that ends when its guard is dropped.

use std::fs::File;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

use crate::Outcome;

/// The longest that a process may take to stop.
const STOP_TIMEOUT: Duration = Duration::from_secs(30);

pub(crate) struct Child(std::process::Child);

impl Child {
    /// Starts the process; standard output and error go to a file.
    pub(crate) fn start(command: &mut Command, log: &Path) -> Outcome<Self> {
        let log = File::create(log)?;
        let child = command.stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log).spawn();
        Ok(Self(child.map_err(|error| format!("{}: {error}", command.get_program().display()))?))
    }

    pub(crate) fn id(&self) -> u32 {
        self.0.id()
    }

    /// Returns the peak memory in MiB, as the kernel reports it; none once the process has ended.
    pub(crate) fn peak_mib(&self) -> Option<f64> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.id())).ok()?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
        Some(line.trim().trim_end_matches(" kB").parse::<f64>().ok()? / 1024.0)
    }

    /// Whether the process has ended.
    pub(crate) fn ended(&mut self) -> bool {
        matches!(self.0.try_wait(), Ok(Some(_)) | Err(_))
    }

    /// Whether the process has ended successfully.
    pub(crate) fn succeeded(&mut self) -> bool {
        matches!(self.0.try_wait(), Ok(Some(status)) if status.success())
    }

    /// Stops the process and waits for its end.
    pub(crate) async fn stop(&mut self, signal: Signal) -> Outcome<()> {
        let started = Instant::now();
        self.signal(signal);
        while !self.ended() {
            if started.elapsed() > STOP_TIMEOUT {
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
            // On this signal PostgreSQL ends its children at once. The other programs need not
            // finish writing.
            self.signal(Signal::QUIT);
            let started = Instant::now();
            while !self.ended() && started.elapsed() < Duration::from_secs(3) {
                std::thread::sleep(Duration::from_millis(5));
            }
            let _ = self.0.kill();
            let _ = self.0.wait();
        }
    }
}
