//! `--env-file FILE`: the variables of a file, below those of the environment.

use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::Command;

use crate::app::AppError;
use crate::config::EnvFile;

/// Read the file, and start the program again with the variables that the environment lacks. Then
/// they count for everything: keys, arguments such as `--config`, the level of the log, libraries.
///
/// # Errors
/// The file cannot be read, or has refused lines.
pub(super) fn read(path: &Path) -> Result<EnvFile, AppError> {
    let file = EnvFile::read(path)?;
    let missing = file.missing();
    if missing.is_empty() {
        return Ok(file);
    }
    let refused = |error: std::io::Error| AppError::argument("--env-file", error);
    let program = std::env::current_exe().map_err(refused)?;
    let mut command = Command::new(program);
    let mut args = std::env::args_os();
    if let Some(name) = args.next() {
        command.arg0(name);
    }
    // It returns if the program cannot be started.
    Err(refused(command.args(args).envs(missing).exec()))
}
