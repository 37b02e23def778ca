//! The errors of hashing.

use std::time::Duration;

/// Why a password was not hashed or verified.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum HashError {
    /// The queue is full, would take too long, or took too long: nothing was hashed.
    #[error("all hashing threads are busy")]
    Busy {
        /// `Retry-After`: whole seconds, at least one.
        retry_after: Duration,
    },
    /// The account needs a new password.
    #[error(transparent)]
    Stored(#[from] StoredHashError),
    /// The pool is shutting down.
    #[error("the hashing pool has stopped")]
    Stopped,
    /// Out of memory, or argon2 refused its input.
    #[error("the password could not be hashed")]
    Failed,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum StoredHashError {
    /// Not a PHC string with a salt and a hash.
    #[error("the stored hash is not a PHC string")]
    Malformed,
    /// Not argon2id version 19.
    #[error("the stored hash is not argon2id version 19")]
    Algorithm,
    /// Parameters that are missing, unknown, invalid, or above the limits (256 MiB, 64 passes, 16
    /// lanes).
    #[error("the stored hash has parameters that are not accepted")]
    Params,
    /// A salt below 8 bytes or a hash below 16.
    #[error("the stored hash has a salt or an output that is too short")]
    Length,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum HasherSetupError {
    /// The parameters are invalid or above the limits.
    #[error("passwords.argon2_memory_kib, argon2_iterations and argon2_parallelism are not acceptable together")]
    Params,
    /// The memory limit is below one hash, or a bound is zero.
    #[error("passwords.hash_threads, hash_memory_limit_mib, max_queue_per_thread or max_wait leaves no room to hash")]
    PoolSize,
    #[error("a hashing thread could not be started: {0}")]
    Thread(std::io::ErrorKind),
}
