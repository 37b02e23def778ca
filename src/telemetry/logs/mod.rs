//! The log: its levels, its lines and its writer.

mod events_only;
mod level_ceiling;
mod setup;
mod writer;

pub use self::{
    level_ceiling::level_ceiling,
    setup::{LogGuard, Output, TelemetryError, check, init, subscriber},
    writer::LogWriter,
};
