//! The metrics: their names, their handles and the listener that serves them.

mod consumers;
mod limits;
mod names;
mod process;
mod registry;
mod route;
mod server;

pub use self::{
    consumers::ConsumerFigures,
    limits::LimitMetrics,
    names::MetricName,
    registry::Metrics,
    route::RouteMetrics,
    server::{MetricsServer, MetricsServerError},
};
