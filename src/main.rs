//! The `watchword` binary: everything is in the library.

use std::process::ExitCode;

fn main() -> ExitCode {
    watchword::cli::main()
}
