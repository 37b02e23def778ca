//! The `watchword` binary: everything is in the library.

use std::process::ExitCode;

/// The system's allocator keeps what a burst of requests needed; this one gives it back to the
/// system after a short delay (`docs/PERFORMANCE.md`).
#[cfg(target_os = "linux")]
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    watchword::cli::main()
}
