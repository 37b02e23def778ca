//! Section `telemetry`: log lines.

use serde::{Deserialize, Serialize};
use tracing_subscriber::EnvFilter;

use super::Problems;

/// How log lines look.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// Text when the output is a terminal, else JSON.
    Auto,
    /// One JSON object a line, in bunyan's format.
    Json,
    /// For human eyes.
    Text,
}

/// Format and volume of the log.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct TelemetrySettings {
    /// How log lines look.
    pub format: LogFormat,
    /// `error`, `warn`, `info`, `debug` or `trace`, or directives such as `info,watchword::relay=debug`.
    /// The environment variable `RUST_LOG` wins over it.
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
