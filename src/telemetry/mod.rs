//! What the service tells about itself: log lines, metrics, and the listener that serves them.
//!
//! Nothing here is global but the log subscriber, which [`init`] sets once per process: every [`Metrics`]
//! has a registry of its own, so that several instances can live in one process.

mod caps;
mod causes;
mod consumers;
pub mod crash_point;
mod events_only;
mod limits;
mod logs;
mod metrics;
mod metrics_server;
mod names;
mod process;
mod route;
mod task;
mod writer;

pub use self::{
    caps::caps,
    causes::causes,
    consumers::ConsumerFigures,
    limits::LimitMetrics,
    logs::{LogGuard, Output, TelemetryError, init, subscriber},
    metrics::Metrics,
    metrics_server::{MetricsServer, MetricsServerError},
    names::MetricName,
    route::RouteMetrics,
    task::spawn,
    writer::LogWriter,
};
