//! The cost of a hash, and the bounds of the pool.

use std::time::Duration;

use argon2::Params;

use super::error::HasherSetupError;

/// For configured and for stored parameters: 256 MiB.
pub const MAX_MEMORY_KIB: u32 = 262_144;

pub const MAX_ITERATIONS: u32 = 64;

pub const MAX_PARALLELISM: u32 = 16;

/// The cost of argon2id (RFC 9106 section 3.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HashParams {
    /// `m`: memory in KiB.
    pub memory_kib: u32,
    /// `t`: passes over the memory.
    pub iterations: u32,
    /// `p`: lanes. They are computed one after another in one thread.
    pub parallelism: u32,
}

impl HashParams {
    /// Parameters for the library; `None` outside our limits or those of argon2.
    pub(super) fn for_argon2(self, output_len: usize) -> Option<Params> {
        let within = self.memory_kib <= MAX_MEMORY_KIB
            && self.iterations <= MAX_ITERATIONS
            && self.parallelism <= MAX_PARALLELISM;
        within
            .then(|| Params::new(self.memory_kib, self.iterations, self.parallelism, Some(output_len)).ok())
            .flatten()
    }

    /// Whether a stored hash with these parameters should be replaced: any of them has risen.
    pub(super) const fn is_below(self, wanted: Self) -> bool {
        self.memory_kib < wanted.memory_kib
            || self.iterations < wanted.iterations
            || self.parallelism < wanted.parallelism
    }
}

/// The bounds of the pool.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PoolSize {
    /// `None`: one per core. Never more than the memory allows.
    pub threads: Option<usize>,
    /// The memory of all threads together, in MiB.
    pub memory_limit_mib: u32,
    /// Jobs that may wait per thread.
    pub max_queue_per_thread: usize,
    pub max_wait: Duration,
}

impl PoolSize {
    /// The number of threads on a machine with `cores` cores: at least one, and no more than the
    /// memory allows.
    ///
    /// # Errors
    /// The memory limit is below one hash, or a bound is zero.
    pub fn threads_for(&self, cores: usize, params: HashParams) -> Result<usize, HasherSetupError> {
        if self.max_queue_per_thread == 0 || self.max_wait.is_zero() || self.threads == Some(0) {
            return Err(HasherSetupError::PoolSize);
        }
        let limit_kib = u64::from(self.memory_limit_mib) * 1024;
        let by_memory = limit_kib / u64::from(params.memory_kib.max(1));
        let by_memory = usize::try_from(by_memory).unwrap_or(usize::MAX);
        if by_memory == 0 {
            return Err(HasherSetupError::PoolSize);
        }
        Ok(self.threads.unwrap_or(cores).clamp(1, by_memory))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PARAMS: HashParams = HashParams { memory_kib: 19_456, iterations: 2, parallelism: 1 };

    fn size(threads: Option<usize>, memory_limit_mib: u32) -> PoolSize {
        PoolSize {
            threads,
            memory_limit_mib,
            max_queue_per_thread: 64,
            max_wait: Duration::from_secs(1),
        }
    }

    #[test]
    fn there_are_as_many_threads_as_cores_if_the_memory_allows() {
        assert_eq!(size(None, 512).threads_for(2, PARAMS), Ok(2));
        assert_eq!(size(None, 512).threads_for(64, PARAMS), Ok(26));
        assert_eq!(size(Some(4), 512).threads_for(2, PARAMS), Ok(4));
        assert_eq!(size(Some(4), 38).threads_for(2, PARAMS), Ok(2));
        assert_eq!(size(None, 19).threads_for(0, PARAMS), Ok(1));
        assert_eq!(size(None, 18).threads_for(8, PARAMS), Err(HasherSetupError::PoolSize));
        assert_eq!(size(Some(0), 512).threads_for(8, PARAMS), Err(HasherSetupError::PoolSize));
    }

    #[test]
    fn a_hash_is_replaced_only_if_a_parameter_has_risen() {
        let with = |memory_kib, iterations, parallelism| HashParams { memory_kib, iterations, parallelism };
        assert!(!PARAMS.is_below(PARAMS));
        assert!(with(19_455, 2, 1).is_below(PARAMS));
        assert!(with(47_104, 1, 1).is_below(PARAMS));
        assert!(PARAMS.is_below(with(19_456, 2, 2)));
        assert!(!with(47_104, 3, 1).is_below(PARAMS));
    }

    #[test]
    fn parameters_beyond_our_limits_or_those_of_argon2_are_refused() {
        let ok = |memory_kib, iterations, parallelism| {
            HashParams { memory_kib, iterations, parallelism }.for_argon2(32).is_some()
        };
        assert!(ok(MAX_MEMORY_KIB, 1, 1) && ok(8, 1, 1) && ok(128, MAX_ITERATIONS, MAX_PARALLELISM));
        assert!(!ok(MAX_MEMORY_KIB + 1, 1, 1) && !ok(u32::MAX, 1, 1));
        assert!(!ok(7, 1, 1) && !ok(8, 0, 1) && !ok(8, 1, 0) && !ok(8, 1, 2));
        assert!(!ok(1024, MAX_ITERATIONS + 1, 1) && !ok(1024, 1, MAX_PARALLELISM + 1) && !ok(1024, u32::MAX, u32::MAX));
    }
}
