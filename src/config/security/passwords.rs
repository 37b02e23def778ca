//! Section `passwords`: the policy, the cost of argon2id and the hashing threads.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::config::loader::{
    Problems,
    checks::{between, between_durations},
};

/// Minimum pairs of memory (KiB) and iterations with one lane.
/// Source: OWASP Password Storage Cheat Sheet, argon2id.
const MIN_COSTS: [(u32, u32); 5] = [(47_104, 1), (19_456, 2), (12_288, 3), (9_216, 4), (7_168, 5)];

/// 256 MiB. With more memory per hash, a few logins would exhaust the host.
const MAX_MEMORY_KIB: u32 = 262_144;

/// The password policy and the cost of hashing.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct PasswordsSettings {
    /// Minimum length of a new password in code points (NIST SP 800-63B-4 recommends 15 for a
    /// single factor).
    pub min_length: usize,
    /// Memory of one argon2id hash, in KiB (RFC 9106 `m`).
    pub argon2_memory_kib: u32,
    /// Number of argon2id iterations (RFC 9106 `t`).
    pub argon2_iterations: u32,
    /// Number of argon2id lanes (RFC 9106 `p`).
    pub argon2_parallelism: u32,
    /// Number of threads that hash. `None`: one per core, as far as `hash_memory_limit_mib` allows.
    pub hash_threads: Option<usize>,
    /// Memory that all hashing threads may use together, in MiB.
    pub hash_memory_limit_mib: u32,
    /// Maximum number of waiting hashes per thread. Further requests get 503.
    pub max_queue_per_thread: usize,
    /// Maximum wait for a thread before the request gets 503.
    #[serde(with = "humantime_serde")]
    pub max_wait: Duration,
}

impl PasswordsSettings {
    pub(in crate::config) fn check(&self, problems: &mut Problems) {
        between(problems, "passwords.min_length", self.min_length, 8, 64);
        self.check_cost(problems);
        self.check_pool(problems);
    }

    fn check_cost(&self, problems: &mut Problems) {
        let (memory, passes) = (self.argon2_memory_kib, self.argon2_iterations);
        if !MIN_COSTS.iter().any(|&(m, t)| memory >= m && passes >= t) {
            problems.refuse(
                "passwords.argon2_memory_kib",
                format!(
                    "argon2id with {memory} KiB and {passes} iterations is too weak; use at least 19456 KiB with 2 \
                     (or 47104 with 1, 12288 with 3, 9216 with 4, 7168 with 5)"
                ),
            );
        }
        if memory > MAX_MEMORY_KIB {
            problems.refuse(
                "passwords.argon2_memory_kib",
                format!("must be at most {MAX_MEMORY_KIB} (256 MiB); got {memory}"),
            );
        }
        if passes > 64 {
            problems.refuse("passwords.argon2_iterations", format!("must be at most 64; got {passes}"));
        }
        between(problems, "passwords.argon2_parallelism", self.argon2_parallelism, 1, 16);
    }

    fn check_pool(&self, problems: &mut Problems) {
        let limit_kib = u64::from(self.hash_memory_limit_mib) * 1024;
        let one_kib = u64::from(self.argon2_memory_kib);
        if limit_kib < one_kib {
            problems.refuse(
                "passwords.hash_memory_limit_mib",
                format!(
                    "{} MiB are too few for one hash of {one_kib} KiB; use at least {}",
                    self.hash_memory_limit_mib,
                    one_kib.div_ceil(1024)
                ),
            );
        } else if let Some(threads) = self.hash_threads {
            let max = usize::try_from(limit_kib / one_kib.max(1)).unwrap_or(usize::MAX).min(1024);
            if !(1..=max).contains(&threads) {
                problems.refuse(
                    "passwords.hash_threads",
                    format!("must be between 1 and {max}, which passwords.hash_memory_limit_mib allows; got {threads}"),
                );
            }
        }
        between(problems, "passwords.max_queue_per_thread", self.max_queue_per_thread, 1, 10_000);
        between_durations(
            problems,
            "passwords.max_wait",
            self.max_wait,
            Duration::from_millis(10),
            Duration::from_secs(30),
        );
    }
}
