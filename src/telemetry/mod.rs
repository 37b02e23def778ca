//! What the service reports about itself: log lines, metrics, and the listener that serves them.
//!
//! Nothing here is global but the log subscriber, which [`init`] sets once per process: every
//! [`Metrics`] has a registry of its own, so that several instances can live in one process.

pub mod crash_point;
mod error_chain;
mod logs;
mod metrics;
mod recurring;
mod seeded_bug;
mod task;

pub use self::{
    error_chain::error_chain,
    logs::{LogGuard, LogWriter, Output, TelemetryError, check, init, level_ceiling, subscriber},
    metrics::{ConsumerFigures, LimitMetrics, MetricName, Metrics, MetricsServer, MetricsServerError, RouteMetrics},
    recurring::Recurring,
    seeded_bug::SeededBug,
    task::spawn,
};
