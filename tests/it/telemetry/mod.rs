//! Telemetry: what log lines hold and what they never hold, metrics and the listener that serves them.
#![expect(clippy::expect_used, reason = "a test says what it expects by panicking")]

mod logs;
mod metrics;
mod secrets;
mod support;
mod writer;
