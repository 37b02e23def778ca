//! Section `telemetry`: logs.

use serde::{Deserialize, Serialize};
use tracing_subscriber::EnvFilter;

use crate::config::loader::Problems;

/// The format of log lines.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// Text on a terminal, otherwise JSON.
    Auto,
    /// One JSON object per line, in bunyan's format.
    Json,
    /// For reading on a terminal.
    Text,
}

/// Format and volume of the log.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct TelemetrySettings {
    /// The format of log lines.
    pub format: LogFormat,
    /// `error`, `warn`, `info`, `debug` or `trace`, or directives such as
    /// `info,watchword::relay=debug`. The environment variable `RUST_LOG` takes precedence.
    pub level: String,
}

impl TelemetrySettings {
    pub(super) fn check(&self, problems: &mut Problems) {
        if self.level.trim().is_empty() || EnvFilter::builder().parse(&self.level).is_err() {
            problems.refuse(
                "telemetry.level",
                "must be error, warn, info, debug or trace, or directives such as \"info,watchword::relay=debug\"",
            );
        }
    }
}
