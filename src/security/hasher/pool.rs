//! The threads that hash, and the bounded queue of those who wait for one.
//!
//! A caller takes the permit of a free thread, or else a slot of the queue and, within `max_wait`,
//! a permit. The permit goes to the thread with the job and is returned when the hash has ended,
//! even if its caller is gone. A caller that goes away while it waits gives its slot back and is
//! never hashed.
//!
//! The queue is no longer than what the threads do in three quarters of `max_wait`. A longer one
//! would not serve more callers; it would only make those wait who are refused in the end.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, mpsc};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use argon2::{Algorithm, Argon2, Block, Version};
use prometheus::IntGauge;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};
use zeroize::Zeroizing;

use super::error::{HashError, HasherSetupError};
use super::pace::Pace;
use super::params::HashParams;
use super::stats::HasherStats;
use crate::domain::clock::ceil_seconds;
use crate::domain::password::Password;

/// The input of argon2.
pub(super) struct Input {
    pub(super) password: Password,
    pub(super) salt: Vec<u8>,
    pub(super) params: HashParams,
    pub(super) output_len: usize,
}

type HashResult = Result<Zeroizing<Vec<u8>>, HashError>;

struct Job {
    input: Input,
    reply: oneshot::Sender<HashResult>,
    permit: OwnedSemaphorePermit,
    queued_at: Instant,
}

#[derive(Debug, Clone, Copy)]
pub(super) struct Bounds {
    pub(super) threads: usize,
    pub(super) max_queued: usize,
    pub(super) max_wait: Duration,
}

pub(super) struct Pool {
    bounds: Bounds,
    queue: Semaphore,
    permits: Arc<Semaphore>,
    /// `None` once the pool is dropped, which ends the threads.
    jobs: Option<mpsc::Sender<Job>>,
    threads: Vec<JoinHandle<()>>,
    pace: Arc<Pace>,
    stats: HasherStats,
}

impl Pool {
    /// Start the threads, each with memory for hashes of up to `memory_kib`.
    pub(super) fn start(bounds: Bounds, memory_kib: u32, stats: HasherStats) -> Result<Self, HasherSetupError> {
        let own_blocks = usize::try_from(memory_kib).map_err(|_| HasherSetupError::Params)?;
        let (jobs, receiver) = mpsc::channel();
        let receiver = Arc::new(Mutex::new(receiver));
        let oversize = Arc::new(Mutex::new(()));
        // Built before the threads start, so that an error ends those that run already.
        let mut pool = Self {
            bounds,
            queue: Semaphore::new(bounds.max_queued),
            permits: Arc::new(Semaphore::new(bounds.threads)),
            jobs: Some(jobs),
            threads: Vec::new(),
            pace: Arc::default(),
            stats,
        };
        for number in 0..bounds.threads {
            let mut worker = Worker {
                jobs: Arc::clone(&receiver),
                memory: Memory {
                    blocks: Vec::new(),
                    own_blocks,
                    oversize: Arc::clone(&oversize),
                },
                pace: Arc::clone(&pool.pace),
                stats: pool.stats.clone(),
            };
            let thread = thread::Builder::new()
                .name(format!("hash-{number}"))
                .spawn(move || worker.run())
                .map_err(|error| HasherSetupError::Thread(error.kind()))?;
            pool.threads.push(thread);
        }
        Ok(pool)
    }

    pub(super) const fn bounds(&self) -> &Bounds {
        &self.bounds
    }

    /// Hash on one of the threads.
    ///
    /// # Errors
    /// [`HashError::Busy`] as [`Pool::check_room`], and after `max_wait` without a permit.
    pub(super) async fn derive(&self, input: Input) -> HashResult {
        let queued_at = Instant::now();
        let permit = self.permit().await?;
        let (reply, result) = oneshot::channel();
        let job = Job { input, reply, permit, queued_at };
        let jobs = self.jobs.as_ref().ok_or(HashError::Stopped)?;
        jobs.send(job).map_err(|_| HashError::Stopped)?;
        result.await.unwrap_or(Err(HashError::Stopped))
    }

    /// Whether a caller would be served.
    ///
    /// # Errors
    /// [`HashError::Busy`] when the queue is full, or too long to be served in time.
    pub(super) fn check_room(&self) -> Result<(), HashError> {
        if self.permits.available_permits() > 0 || self.has_room() {
            Ok(())
        } else {
            Err(self.refuse())
        }
    }

    /// Whether the queue takes one more. One caller a thread may always wait: how long a hash of
    /// another cost takes is no reason to serve nobody.
    fn has_room(&self) -> bool {
        let Bounds { threads, max_queued, max_wait } = self.bounds;
        let waiting = max_queued.saturating_sub(self.queue.available_permits());
        waiting < max_queued && (waiting < threads || self.pace.time_of(waiting + 1, threads) <= max_wait * 3 / 4)
    }

    async fn permit(&self) -> Result<OwnedSemaphorePermit, HashError> {
        // It fails while others wait, because a returned permit goes to the first of them.
        if let Ok(permit) = Arc::clone(&self.permits).try_acquire_owned() {
            return Ok(permit);
        }
        if !self.has_room() {
            return Err(self.refuse());
        }
        let _slot = self.queue.try_acquire().map_err(|_| self.refuse())?;
        let _waiting = Waiting::new(&self.stats.queue_depth);
        let permit = Arc::clone(&self.permits).acquire_owned();
        match tokio::time::timeout(self.bounds.max_wait, permit).await {
            Ok(permit) => permit.map_err(|_| HashError::Stopped),
            Err(_) => Err(self.refuse()),
        }
    }

    /// Refuse a caller, with the time after which a retry makes sense.
    fn refuse(&self) -> HashError {
        self.stats.rejected.inc();
        HashError::Busy {
            retry_after: Duration::from_secs(ceil_seconds(self.bounds.max_wait).max(1)),
        }
    }
}

impl Drop for Pool {
    fn drop(&mut self) {
        self.jobs = None;
        for thread in self.threads.drain(..) {
            let _ = thread.join();
        }
    }
}

/// Counts a caller as waiting until it is dropped.
struct Waiting<'a>(&'a IntGauge);

impl<'a> Waiting<'a> {
    fn new(depth: &'a IntGauge) -> Self {
        depth.inc();
        Self(depth)
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.dec();
    }
}

struct Worker {
    jobs: Arc<Mutex<mpsc::Receiver<Job>>>,
    memory: Memory,
    pace: Arc<Pace>,
    stats: HasherStats,
}

impl Worker {
    /// Hash until the pool is dropped.
    fn run(&mut self) {
        while let Some(job) = self.next() {
            // The caller may be gone since it got the permit.
            if job.reply.is_closed() {
                continue;
            }
            self.stats.wait_seconds.observe(job.queued_at.elapsed().as_secs_f64());
            self.stats.active.inc();
            let begun = Instant::now();
            // A thread that ended by a panic would leave its permit to a job that nobody takes.
            let result = catch_unwind(AssertUnwindSafe(|| self.memory.derive(&job.input)));
            self.pace.record(begun.elapsed());
            self.stats.active.dec();
            // The password is wiped, and the thread free, before the caller gets the result.
            drop((job.input, job.permit));
            // It fails when the caller is gone; the result is wiped with it.
            let _ = job.reply.send(result.unwrap_or(Err(HashError::Failed)));
        }
    }

    fn next(&self) -> Option<Job> {
        lock(&self.jobs).recv().ok()
    }
}

/// The memory of a thread: allocated at its first hash (a service without users stays small), then
/// kept.
struct Memory {
    blocks: Vec<Block>,
    own_blocks: usize,
    /// Held by the one thread that needs more than its own memory (for a stored hash with a larger
    /// `m`), so that the pool uses `threads x m + 256 MiB` at most, independent of the database.
    oversize: Arc<Mutex<()>>,
}

impl Memory {
    fn derive(&mut self, input: &Input) -> HashResult {
        let needed = usize::try_from(input.params.memory_kib).map_err(|_| HashError::Failed)?;
        if needed <= self.own_blocks {
            if self.blocks.is_empty() {
                self.blocks = allocate(self.own_blocks)?;
            }
            return derive(input, &mut self.blocks);
        }
        let _alone = lock(&self.oversize);
        derive(input, &mut allocate(needed)?)
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn allocate(blocks: usize) -> Result<Vec<Block>, HashError> {
    let mut memory = Vec::new();
    memory.try_reserve_exact(blocks).map_err(|_| HashError::Failed)?;
    memory.resize(blocks, Block::new());
    Ok(memory)
}

fn derive(input: &Input, memory: &mut [Block]) -> HashResult {
    let params = input.params.for_argon2(input.output_len).ok_or(HashError::Failed)?;
    let mut output = Zeroizing::new(vec![0_u8; input.output_len]);
    Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
        .hash_password_into_with_memory(input.password.expose_bytes(), &input.salt, &mut output, memory)
        .map_err(|_| HashError::Failed)?;
    Ok(output)
}
