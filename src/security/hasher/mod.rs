//! Password hashing: argon2id (RFC 9106) on a bounded pool of threads of its own.
//!
//! A hash costs 20 ms of a core and 19 MiB, so as many hashes run at once as there are threads,
//! each thread keeps its memory for the next hash, and what cannot be served within a second is
//! refused at once, before anything is written. A hash that has begun occupies its thread until it
//! ends, even if its caller is gone.

mod error;
mod pace;
mod params;
mod phc;
mod pool;
mod stats;

use std::fmt;
use std::sync::Arc;
use std::thread;

use aws_lc_rs::constant_time::verify_slices_are_equal;

pub use error::{HashError, HasherSetupError, StoredHashError};
pub use params::{HashParams, MAX_ITERATIONS, MAX_MEMORY_KIB, MAX_PARALLELISM, PoolSize};
pub use phc::PasswordHash;
pub use stats::HasherStats;

use crate::domain::password::Password;
use crate::domain::random::Random;
use phc::{OUTPUT_BYTES, SALT_BYTES};
use pool::{Bounds, Input, Pool};

/// The result of verifying a password.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub struct PasswordCheck {
    /// Whether the password is correct.
    pub ok: bool,
    /// Whether it is correct and its hash has lower parameters than the present ones: store a new
    /// one.
    pub needs_rehash: bool,
}

/// The pool. Dropping it ends its threads after the hashes in flight.
pub struct Hasher {
    params: HashParams,
    pool: Pool,
    random: Arc<dyn Random>,
    dummy: PasswordHash,
}

impl Hasher {
    /// Check what [`Hasher::start`] would refuse.
    ///
    /// # Errors
    /// [`HasherSetupError`]
    pub fn check(params: HashParams, size: PoolSize) -> Result<(), HasherSetupError> {
        params.for_argon2(OUTPUT_BYTES).ok_or(HasherSetupError::Params)?;
        size.threads_for(1, params).map(drop)
    }

    /// Start the threads. No memory is allocated before the first hash.
    pub fn start(
        params: HashParams,
        size: PoolSize,
        stats: HasherStats,
        random: Arc<dyn Random>,
    ) -> Result<Self, HasherSetupError> {
        params.for_argon2(OUTPUT_BYTES).ok_or(HasherSetupError::Params)?;
        let cores = thread::available_parallelism().map_or(1, usize::from);
        let threads = size.threads_for(cores, params)?;
        let max_queued = threads.saturating_mul(size.max_queue_per_thread);
        let bounds = Bounds { threads, max_queued, max_wait: size.max_wait };
        let dummy = dummy(params, random.as_ref()).ok_or(HasherSetupError::Params)?;
        Ok(Self {
            params,
            pool: Pool::start(bounds, params.memory_kib, stats)?,
            random,
            dummy,
        })
    }

    /// How many hashes run at once.
    #[must_use]
    pub const fn threads(&self) -> usize {
        self.pool.bounds().threads
    }

    /// Refuse what [`Hasher::hash`] and [`Hasher::verify`] would refuse now. An action whose hash
    /// comes after other work does this first, so that a flood of requests costs little.
    ///
    /// # Errors
    /// [`HashError::Busy`]
    pub fn check_room(&self) -> Result<(), HashError> {
        self.pool.check_room()
    }

    /// Hash a new password with a new salt.
    ///
    /// # Errors
    /// [`HashError::Busy`], [`HashError::Stopped`] or [`HashError::Failed`].
    pub async fn hash(&self, password: Password) -> Result<PasswordHash, HashError> {
        let mut salt = [0_u8; SALT_BYTES];
        self.random.fill(&mut salt);
        let input = Input {
            password,
            salt: salt.to_vec(),
            params: self.params,
            output_len: OUTPUT_BYTES,
        };
        let output = self.pool.derive(input).await?;
        PasswordHash::from_parts(self.params, &salt, &output).ok_or(HashError::Failed)
    }

    /// Compare a password with a stored hash, in constant time.
    ///
    /// # Errors
    /// [`HashError::Busy`], [`HashError::Stopped`] or [`HashError::Failed`].
    pub async fn verify(&self, password: Password, stored: &PasswordHash) -> Result<PasswordCheck, HashError> {
        let expected = stored.output.as_bytes();
        let input = Input {
            password,
            salt: stored.salt.to_vec(),
            params: stored.params,
            output_len: expected.len(),
        };
        let output = self.pool.derive(input).await?;
        let ok = verify_slices_are_equal(&output, expected).is_ok();
        let weaker = stored.params.is_below(self.params) || expected.len() < OUTPUT_BYTES;
        Ok(PasswordCheck { ok, needs_rehash: ok && weaker })
    }

    /// Verify a password of an unknown account: the same queue, the same cost and the same refusals
    /// as [`Hasher::verify`]. No password matches.
    pub async fn verify_dummy(&self, password: Password) -> Result<(), HashError> {
        self.verify(password, &self.dummy).await.map(|_| ())
    }
}

impl fmt::Debug for Hasher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Hasher")
            .field("params", &self.params)
            .field("bounds", self.pool.bounds())
            .finish_non_exhaustive()
    }
}

/// A hash that no password has: its output is random and was never computed, so making it costs
/// nothing.
fn dummy(params: HashParams, random: &dyn Random) -> Option<PasswordHash> {
    let (mut salt, mut output) = ([0_u8; SALT_BYTES], [0_u8; OUTPUT_BYTES]);
    random.fill(&mut salt);
    random.fill(&mut output);
    PasswordHash::from_parts(params, &salt, &output)
}
