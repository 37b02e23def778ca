//! Runs actions as tasks that outlive their requests.
//!
//! When a client resets its connection, the handler is dropped at its next await. A transaction
//! that is dropped there can poison a pooled connection or lose a write, so every action runs as a
//! task of its own, which nothing cancels.

use std::future::Future;
use std::sync::Arc;

use tokio::sync::Semaphore;
use tokio_util::task::TaskTracker;

use super::problem::{Problem, ProblemCode};
use crate::telemetry::spawn;

/// Most actions that run at once; most of them wait for the database.
const MAX_ACTIONS: usize = 2048;

/// Runs actions to their end, whether or not a client waits. Clones share one register of tasks.
#[derive(Debug, Clone)]
pub struct Detached {
    tasks: TaskTracker,
    permits: Arc<Semaphore>,
}

impl Default for Detached {
    fn default() -> Self {
        Self {
            tasks: TaskTracker::new(),
            permits: Arc::new(Semaphore::new(MAX_ACTIONS)),
        }
    }
}

impl Detached {
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Run `work` as a task inside the current span and wait for it. Dropping this future leaves
    /// the task running.
    ///
    /// # Errors
    /// `internal_error` when the work panicked; `overloaded` when too many actions run. Clients
    /// that hang up leave their actions running, so the limit of connections does not bound them.
    pub async fn run<F>(&self, work: F) -> Result<F::Output, Problem>
    where
        F: Future + Send + 'static,
        F::Output: Send + 'static,
    {
        let permit = self.permits.clone().try_acquire_owned();
        let permit = permit.map_err(|_full| Problem::new(ProblemCode::Overloaded))?;
        let work = async move {
            let output = work.await;
            drop(permit);
            output
        };
        let task = spawn("action", self.tasks.track_future(work));
        task.await.map_err(|_panicked| Problem::new(ProblemCode::InternalError))
    }

    /// Run work that goes on after the response. It has to end by itself when the service stops:
    /// [`wait_idle`](Self::wait_idle) waits for it.
    pub fn spawn_background<F>(&self, name: &'static str, work: F)
    where
        F: Future<Output = ()> + Send + 'static,
    {
        spawn(name, self.tasks.track_future(work));
    }

    /// The number of running tasks.
    #[must_use]
    pub fn running(&self) -> usize {
        self.tasks.len()
    }

    /// Wait until nothing runs. Call it when no new requests arrive, and with a timeout.
    pub async fn wait_idle(&self) {
        self.tasks.close();
        self.tasks.wait().await;
    }
}
