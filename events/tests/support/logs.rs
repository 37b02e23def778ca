//! What a test's own thread writes to the log.

use std::cell::RefCell;
use std::io;
use std::sync::{Arc, Mutex, Once};

use super::support::eventually;

thread_local! {
    /// One subscriber serves the process: several, one for each thread, would hide log lines from each other.
    static COLLECTING: RefCell<Option<Logs>> = const { RefCell::new(None) };
}

#[derive(Clone, Default)]
pub(crate) struct Logs(Arc<Mutex<Vec<u8>>>);

impl Logs {
    /// Collects from now on what this thread logs. A test's tasks all run on its own thread.
    pub(crate) fn collect() -> Self {
        static INSTALLED: Once = Once::new();
        INSTALLED.call_once(|| {
            tracing_subscriber::fmt()
                .with_ansi(false)
                .with_max_level(tracing::Level::INFO)
                .with_writer(|| ThisThread)
                .init();
        });
        let logs = Self::default();
        COLLECTING.set(Some(logs.clone()));
        logs
    }

    /// Waits for a line that contains all of these.
    pub(crate) async fn line(&self, parts: &[&str]) -> String {
        eventually(&format!("a log line with {parts:?}"), async || {
            let all = String::from_utf8(self.0.lock().unwrap().clone()).unwrap();
            let mut lines = all.lines();
            lines
                .find(|line| parts.iter().all(|part| line.contains(part)))
                .map(str::to_owned)
        })
        .await
    }
}

struct ThisThread;

impl io::Write for ThisThread {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        COLLECTING.with_borrow(|logs| {
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
