//! The bounded queue in front of the hashing threads.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::oneshot;
use zeroize::Zeroizing;

use super::error::HashError;
use super::params::HashParams;
use super::stats::HasherStats;
use crate::domain::password::Password;

/// What argon2 gets.
pub(super) struct Input {
    pub(super) password: Password,
    pub(super) salt: Vec<u8>,
    pub(super) params: HashParams,
    pub(super) output_len: usize,
}

/// Where the result goes.
pub(super) type Reply = oneshot::Sender<Result<Zeroizing<Vec<u8>>, HashError>>;

const WAITING: u8 = 0;
const STARTED: u8 = 1;
const ABANDONED: u8 = 2;

/// Decides once and for all whether a job is started by a thread or given up by its caller.
#[derive(Debug, Default)]
pub(super) struct Ticket(AtomicU8);

impl Ticket {
    fn settle(&self, as_what: u8) -> bool {
        self.0
            .compare_exchange(WAITING, as_what, Ordering::AcqRel, Ordering::Acquire)
            .is_ok()
    }

    fn start(&self) -> bool {
        self.settle(STARTED)
    }

    /// Whether the job will never be started; false: it is running, wait for it.
    pub(super) fn abandon(&self) -> bool {
        self.settle(ABANDONED)
    }
}

/// A hash that waits.
pub(super) struct Job {
    input: Input,
    reply: Reply,
    ticket: Arc<Ticket>,
    queued_at: Instant,
}

impl Job {
    pub(super) fn new(input: Input, reply: Reply, ticket: Arc<Ticket>) -> Self {
        Self {
            input,
            reply,
            ticket,
            queued_at: Instant::now(),
        }
    }

    pub(super) fn into_parts(self) -> (Input, Reply) {
        (self.input, self.reply)
    }

    /// Nobody wants the result any more.
    fn is_stale(&self, max_wait: Duration) -> bool {
        self.reply.is_closed() || self.queued_at.elapsed() > max_wait
    }
}

/// The bounds of the queue.
#[derive(Debug, Clone, Copy)]
pub(super) struct Bounds {
    pub(super) threads: usize,
    pub(super) max_queued: usize,
    pub(super) max_wait: Duration,
}

#[derive(Default)]
struct State {
    jobs: VecDeque<Job>,
    /// How long a hash takes, a running mean; none before the first one.
    mean: Option<Duration>,
    closed: bool,
}

/// First in, first out; refuses instead of growing.
pub(super) struct Queue {
    state: Mutex<State>,
    work: Condvar,
    oversize: Mutex<()>,
    bounds: Bounds,
    stats: HasherStats,
}

impl Queue {
    pub(super) fn new(bounds: Bounds, stats: HasherStats) -> Self {
        Self {
            state: Mutex::default(),
            work: Condvar::new(),
            oversize: Mutex::default(),
            bounds,
            stats,
        }
    }

    /// Adds a job, or refuses it at once: the queue is full, or the job would wait too long anyhow.
    pub(super) fn push(&self, job: Job) -> Result<(), HashError> {
        let mut state = self.lock();
        if state.closed {
            return Err(HashError::Stopped);
        }
        // The oldest come first, so this finds every job that has waited too long.
        while state.jobs.front().is_some_and(|job| job.is_stale(self.bounds.max_wait)) {
            state.jobs.pop_front();
        }
        let queued = state.jobs.len();
        if queued >= self.bounds.max_queued || self.expected_wait(&state) > self.bounds.max_wait {
            return Err(self.busy());
        }
        state.jobs.push_back(job);
        self.report_depth(&state);
        drop(state);
        self.work.notify_one();
        Ok(())
    }

    /// The next job that is still wanted, when there is one; none once the queue is closed.
    pub(super) fn next(&self) -> Option<Job> {
        let mut state = self.lock();
        loop {
            if state.closed {
                return None;
            }
            let Some(job) = state.jobs.pop_front() else {
                state = self.work.wait(state).unwrap_or_else(PoisonError::into_inner);
                continue;
            };
            self.report_depth(&state);
            // A stale job is dropped here, and its caller learns by that.
            if !job.is_stale(self.bounds.max_wait) && job.ticket.start() {
                self.stats.active.inc();
                self.stats.wait_seconds.observe(job.queued_at.elapsed().as_secs_f64());
                return Some(job);
            }
        }
    }

    /// A hash has really ended after `took`.
    pub(super) fn finished(&self, took: Duration) {
        self.stats.active.dec();
        let mut state = self.lock();
        state.mean = Some(state.mean.map_or(took, |mean| (mean * 7 + took) / 8));
    }

    /// Held by the one thread that may take more than its own memory (a stored hash with a larger
    /// `m`), so that the pool's peak is `threads x m + 256 MiB` whatever the database holds.
    pub(super) fn oversize(&self) -> MutexGuard<'_, ()> {
        self.oversize.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Stops the threads after the hashes they are at; whoever waits gets [`HashError::Stopped`].
    pub(super) fn close(&self) {
        let mut state = self.lock();
        state.closed = true;
        state.jobs.clear();
        self.report_depth(&state);
        drop(state);
        self.work.notify_all();
    }

    /// Whether [`Queue::close`] was called.
    pub(super) fn is_closed(&self) -> bool {
        self.lock().closed
    }

    /// The refusal, with the time after which a new attempt makes sense.
    pub(super) fn busy(&self) -> HashError {
        let wait = self.bounds.max_wait;
        let seconds = wait.as_secs() + u64::from(wait.subsec_nanos() > 0);
        HashError::Busy {
            retry_after: Duration::from_secs(seconds.max(1)),
        }
    }

    /// How long a job added now would wait. Refusing on this tells a caller at once what it would
    /// otherwise learn after the whole wait; with nothing queued it never refuses, so one slow hash
    /// cannot shut the pool.
    fn expected_wait(&self, state: &State) -> Duration {
        let rounds = state.jobs.len() / self.bounds.threads.max(1);
        state
            .mean
            .unwrap_or_default()
            .saturating_mul(u32::try_from(rounds).unwrap_or(u32::MAX))
    }

    fn report_depth(&self, state: &State) {
        self.stats
            .queue_depth
            .set(i64::try_from(state.jobs.len()).unwrap_or(i64::MAX));
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use prometheus::{Histogram, HistogramOpts, IntCounter, IntGauge};

    use super::*;

    type Answer = oneshot::Receiver<Result<Zeroizing<Vec<u8>>, HashError>>;

    fn queue(threads: usize) -> Queue {
        let bounds = Bounds {
            threads,
            max_queued: 100,
            max_wait: Duration::from_secs(60),
        };
        let stats = HasherStats {
            queue_depth: IntGauge::new("depth", "d").unwrap(),
            active: IntGauge::new("active", "a").unwrap(),
            wait_seconds: Histogram::with_opts(HistogramOpts::new("wait", "w")).unwrap(),
            rejected: IntCounter::new("rejected", "r").unwrap(),
        };
        Queue::new(bounds, stats)
    }

    fn job(name: &str) -> (Job, Answer) {
        let (reply, answer) = oneshot::channel();
        let params = HashParams {
            memory_kib: 8,
            iterations: 1,
            parallelism: 1,
        };
        let input = Input {
            password: Password::parse(name).unwrap(),
            salt: Vec::new(),
            params,
            output_len: 32,
        };
        (Job::new(input, reply, Arc::default()), answer)
    }

    fn next_name(queue: &Queue) -> Vec<u8> {
        queue.next().unwrap().input.password.expose_bytes().to_vec()
    }

    #[test]
    fn a_job_that_would_wait_too_long_is_refused_before_the_queue_is_full() {
        let queue = queue(2);
        queue.finished(Duration::from_secs(25));
        let mut answers = Vec::new();
        // Two threads, 25 s a hash: six wait at most 50 s before they begin, the seventh would wait
        // 75 s.
        for _ in 0..6 {
            let (job, answer) = job("fits");
            queue.push(job).unwrap();
            answers.push(answer);
        }
        assert_eq!(queue.push(job("too many").0), Err(queue.busy()));
    }

    #[test]
    fn one_slow_hash_does_not_shut_an_idle_pool() {
        let queue = queue(1);
        queue.finished(Duration::from_secs(3600));
        let (job, _answer) = job("welcome");
        queue.push(job).unwrap();
        assert_eq!(next_name(&queue), b"welcome");
    }

    #[test]
    fn jobs_that_nobody_wants_any_more_are_passed_over() {
        let queue = queue(1);
        let ((gone, gone_answer), (mut old, mut old_answer)) = (job("gone"), job("old"));
        let ((abandoned, _waiting), (wanted, _answer)) = (job("abandoned"), job("wanted"));
        let ticket = Arc::clone(&abandoned.ticket);
        old.queued_at = old.queued_at.checked_sub(Duration::from_secs(59)).unwrap();
        for job in [gone, old, abandoned, wanted] {
            queue.push(job).unwrap();
        }
        drop(gone_answer);
        queue.lock().jobs.get_mut(1).unwrap().queued_at -= Duration::from_secs(2);
        assert!(ticket.abandon());
        assert_eq!(next_name(&queue), b"wanted");
        assert_eq!(old_answer.try_recv(), Err(oneshot::error::TryRecvError::Closed));
    }

    #[test]
    fn a_job_that_has_begun_cannot_be_abandoned() {
        let queue = queue(1);
        let (job, _answer) = job("begun");
        let ticket = Arc::clone(&job.ticket);
        queue.push(job).unwrap();
        queue.next().unwrap();
        assert!(!ticket.abandon());
    }

    #[test]
    fn a_closed_queue_gives_and_takes_nothing() {
        let queue = queue(1);
        let (job, mut answer) = self::job("waiting");
        queue.push(job).unwrap();
        queue.close();
        assert!(queue.is_closed() && queue.next().is_none());
        assert_eq!(answer.try_recv(), Err(oneshot::error::TryRecvError::Closed));
        assert_eq!(queue.push(self::job("late").0), Err(HashError::Stopped));
    }
}
