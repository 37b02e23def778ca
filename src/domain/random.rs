//! Randomness as an argument.

use aws_lc_rs::rand::{SecureRandom as _, SystemRandom as AwsRandom};
use rand::Rng as _;

/// A cryptographically secure source of random bytes.
pub trait Random: Send + Sync + 'static {
    fn fill(&self, bytes: &mut [u8]);
}

/// The operating system's generator.
#[derive(Debug, Clone, Default)]
pub struct SystemRandom(AwsRandom);

/// A generator per thread, reseeded from the operating system at intervals: for request ids, which
/// are many and no secrets.
#[derive(Debug, Clone, Copy, Default)]
pub struct ThreadRandom;

impl Random for ThreadRandom {
    fn fill(&self, bytes: &mut [u8]) {
        rand::rng().fill_bytes(bytes);
    }
}

impl Random for SystemRandom {
    fn fill(&self, bytes: &mut [u8]) {
        // Without randomness every id, key and nonce would be predictable: only ending the process
        // is safe.
        if self.0.fill(bytes).is_err() {
            std::process::abort();
        }
    }
}
