//! Background tasks that stay in the span they were started from.

use std::{future::Future, thread};

use tokio::task::JoinHandle;
use tracing::Instrument as _;

/// Spawn `future` on the runtime, inside the current span, so that its log lines carry the same
/// request and trace ids. A panic is logged with `name`; the handle reports it too.
pub fn spawn<F>(name: &'static str, future: F) -> JoinHandle<F::Output>
where
    F: Future + Send + 'static,
    F::Output: Send + 'static,
{
    let task = async move {
        let _reporter = PanicReporter(name);
        future.await
    };
    tokio::spawn(task.in_current_span())
}

/// Logs the panic that drops it.
struct PanicReporter(&'static str);

impl Drop for PanicReporter {
    fn drop(&mut self) {
        if thread::panicking() {
            tracing::error!(task = self.0, "a task panicked");
        }
    }
}
