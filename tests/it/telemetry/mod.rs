//! Telemetry: the contents of log lines, metrics, and the metrics listener.
#![expect(clippy::expect_used, reason = "a failed assertion ends a test")]

mod logs;
mod metrics;
mod secrets;
mod support;
mod writer;
