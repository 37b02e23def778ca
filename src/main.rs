//! The `watchword` binary: everything is in the library.

use std::process::ExitCode;

/// The system's allocator keeps what a burst of requests needed; this one returns it to the system
/// within ten seconds, from a thread of its own (`docs/PERFORMANCE.md`).
#[cfg(all(target_os = "linux", feature = "jemalloc"))]
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

fn main() -> ExitCode {
    watchword::cli::main()
}
