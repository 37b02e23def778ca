//! Work that outlives its request.
//!
//! A client that resets its connection drops the handler in the middle of whatever it awaits. Dropping a transaction there is how
//! pooled connections get poisoned and writes get lost, so every action runs as a task of its own, which nothing cancels.

use std::future::Future;
use std::sync::Arc;

use tokio::sync::Semaphore;
use tokio_util::task::TaskTracker;

use super::problem::{Problem, ProblemCode};
use crate::telemetry::spawn;

/// Most actions that run at once; most of them wait for the database.
const MOST: usize = 2048;

/// Runs actions to their end, whoever still listens. Clones share one register of what is running.
#[derive(Debug, Clone)]
pub struct Detached {
    tasks: TaskTracker,
    places: Arc<Semaphore>,
}

impl Default for Detached {
    fn default() -> Self {
        Self {
            tasks: TaskTracker::new(),
            places: Arc::new(Semaphore::new(MOST)),
        }
    }
}

impl Detached {
    /// An empty register.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Runs `work` as a task inside the current span and waits for it. Dropping this future leaves the task running.
    ///
    /// # Errors
    ///
    /// `internal_error` when the work panicked, `overloaded` when too much is running: clients that hang up leave their work behind,
    /// so the number of connections is no bound.
    pub async fn run<F>(&self, work: F) -> Result<F::Output, Problem>
    where
        F: Future + Send + 'static,
        F::Output: Send + 'static,
    {
        let place = self.places.clone().try_acquire_owned();
        let place = place.map_err(|_full| Problem::new(ProblemCode::Overloaded))?;
        let work = async move {
            let output = work.await;
            drop(place);
            output
        };
        let task = spawn("action", self.tasks.track_future(work));
        task.await.map_err(|_panicked| Problem::new(ProblemCode::InternalError))
    }

    /// Runs work that goes on after the answer. It has to end by itself when the service stops: [`wait_idle`](Self::wait_idle) waits for it.
    pub fn spawn_background<F>(&self, name: &'static str, work: F)
    where
        F: Future<Output = ()> + Send + 'static,
    {
        spawn(name, self.tasks.track_future(work));
    }

    /// How many actions are running.
    #[must_use]
    pub fn running(&self) -> usize {
        self.tasks.len()
    }

    /// Waits until nothing runs any more. To be called when no new requests arrive; whoever calls it sets the deadline.
    pub async fn wait_idle(&self) {
        self.tasks.close();
        self.tasks.wait().await;
    }
}
