//! Captures the log of a test's own thread.

use std::cell::RefCell;
use std::io;
use std::sync::{Arc, Mutex, Once};

use super::support::eventually;

thread_local! {
    /// The process has one subscriber: several, one per thread, would hide log lines from each
    /// other.
    static CAPTURING: RefCell<Option<Logs>> = const { RefCell::new(None) };
}

#[derive(Clone, Default)]
pub(crate) struct Logs(Arc<Mutex<Vec<u8>>>);

impl Logs {
    /// Starts capturing the log of this thread. All tasks of a test run on its own thread.
    pub(crate) fn capture() -> Self {
        static INSTALLED: Once = Once::new();
        INSTALLED.call_once(|| {
            tracing_subscriber::fmt()
                .with_ansi(false)
                .with_max_level(tracing::Level::INFO)
                .with_writer(|| ThisThread)
                .init();
        });
        let logs = Self::default();
        CAPTURING.set(Some(logs.clone()));
        logs
    }

    /// Waits for a line that contains all `parts`.
    pub(crate) async fn line(&self, parts: &[&str]) -> String {
        eventually(&format!("a log line with {parts:?}"), async || {
            let all = String::from_utf8(self.0.lock().unwrap().clone()).unwrap();
            let mut lines = all.lines();
            lines.find(|line| parts.iter().all(|part| line.contains(part))).map(str::to_owned)
        })
        .await
    }
}

struct ThisThread;

impl io::Write for ThisThread {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        CAPTURING.with_borrow(|logs| {
            if let Some(Logs(lines)) = logs {
                lines.lock().unwrap().extend_from_slice(bytes);
            }
        });
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
