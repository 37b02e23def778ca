//! The exit codes. `watchword --help` and docs/OPERATIONS.md list them.

use std::process::ExitCode;

use crate::app::AppError;

/// What was compared differs, or is not ready.
pub(super) const DIFFERS: u8 = 1;
/// The command line is wrong; also the code of clap.
const USAGE: u8 = 2;
/// The configuration is wrong.
const CONFIGURATION: u8 = 3;
/// Another process, or the state of the data, does not allow the command.
const REFUSED: u8 = 4;
/// Everything else, such as a database that does not answer.
const FAILED: u8 = 5;
/// A signal ended the command early.
pub(super) const INTERRUPTED: u8 = 6;

/// The table in `watchword --help`.
pub(super) const TABLE: &str = "\
Exit codes:
  0  Done; or nothing differs
  1  Differs (events verify, stream diff), pending (migrate status) or not ready (healthcheck)
  2  The command line is wrong
  3  The configuration is wrong
  4  Refused: another process or existing data does not allow it
  5  Failed, for example because the database or NATS does not answer
  6  Interrupted by a signal";

/// 0 if the two sides are the same, otherwise 1.
pub(super) fn same(same: bool) -> ExitCode {
    if same {
        ExitCode::SUCCESS
    } else {
        ExitCode::from(DIFFERS)
    }
}

/// 0 if every server can be used, otherwise 5.
pub(super) fn connected(connected: bool) -> ExitCode {
    if connected {
        ExitCode::SUCCESS
    } else {
        ExitCode::from(FAILED)
    }
}

/// The exit code of an error.
pub(super) fn code_of(error: &AppError) -> ExitCode {
    ExitCode::from(match error {
        AppError::Argument { .. } => USAGE,
        AppError::Config(_)
        | AppError::Unusable(_)
        | AppError::AccountTypes(_)
        | AppError::Hasher(_)
        | AppError::Tokens(_)
        | AppError::Rotation(_) => CONFIGURATION,
        AppError::Stopped(_) => INTERRUPTED,
        error if error.is_refused() => REFUSED,
        _ => FAILED,
    })
}
