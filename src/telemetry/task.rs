//! Background tasks that stay in the span they were started from.

use std::{future::Future, thread};

use tokio::task::JoinHandle;
use tracing::Instrument as _;

/// Spawns `future` on the runtime, inside the current span, so that its log lines carry the same request
/// and trace ids. A panic is logged with `name`; the handle tells it too.
pub fn spawn<F>(name: &'static str, future: F) -> JoinHandle<F::Output>
where
    F: Future + Send + 'static,
    F::Output: Send + 'static,
{
    let task = async move {
        let _alarm = Alarm(name);
        future.await
    };
    tokio::spawn(task.in_current_span())
}

/// Speaks up when it is dropped by a panic.
struct Alarm(&'static str);

impl Drop for Alarm {
    fn drop(&mut self) {
        if thread::panicking() {
            tracing::error!(task = self.0, "a task panicked");
        }
    }
}
