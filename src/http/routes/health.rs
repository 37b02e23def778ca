//! GET /healthz and /readyz.

use std::sync::Arc;

use futures_util::future::BoxFuture;
use poem_openapi::{Enum, Object, OpenApi};

use super::Tag;
use crate::http::error_responses::{ALWAYS, error_responses};
use crate::http::middleware::RequestContext;
use crate::http::problem::{Problem, ProblemCode};
use crate::http::responses::Success;

/// Checks what the service depends on.
pub trait Readiness: Send + Sync + 'static {
    /// Check now.
    fn check(&self) -> BoxFuture<'_, Report>;
}

/// The result of a check.
#[derive(Debug, Clone)]
pub struct Report {
    /// Whether the service is shutting down.
    pub stopping: bool,
    /// Whether the database answers.
    pub database: bool,
    /// Whether events reach the stream; otherwise they wait in the ledger.
    pub events: Delivery,
    /// Why events wait, for operators.
    pub events_detail: Option<String>,
}

/// Whether events reach the stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[oai(rename = "EventDelivery", rename_all = "snake_case")]
pub enum Delivery {
    /// Events reach the stream.
    Flowing,
    /// Events wait in the ledger and are published in order later.
    Waiting,
}

/// The process is alive.
#[derive(Object)]
#[oai(rename_all = "camelCase")]
struct Liveness {
    /// Always `ok`.
    status: String,
}

/// The state of what the service depends on.
#[derive(Object)]
#[oai(rename = "Readiness", rename_all = "camelCase")]
struct ReadinessBody {
    /// Whether the database answers.
    database: bool,
    /// Whether events reach the stream. Does not affect readiness.
    events: Delivery,
    /// Why events wait.
    #[oai(skip_serializing_if_is_none)]
    events_detail: Option<String>,
}

error_responses! { LivenessError: [ALWAYS], [] }
error_responses! { ReadinessError: [ALWAYS], [] }

pub struct Health(pub Arc<dyn Readiness>);

#[OpenApi]
impl Health {
    /// Check that the process is alive
    ///
    /// Depends on nothing else, so that an outage elsewhere does not restart the process.
    #[oai(path = "/healthz", method = "get", operation_id = "getHealth", tag = "Tag::Service")]
    async fn live(&self, _context: RequestContext) -> Result<Success<Liveness>, LivenessError> {
        Ok(Success::new(Liveness { status: "ok".to_owned() }))
    }

    /// Check that the service is ready
    ///
    /// Answers 503 while the service is shutting down and while the database does not answer. An
    /// outage of NATS is reported and does not make the service unready: it serves requests, and
    /// events wait in the ledger.
    #[oai(path = "/readyz", method = "get", operation_id = "getReadiness", tag = "Tag::Service")]
    async fn ready(&self, _context: RequestContext) -> Result<Success<ReadinessBody>, ReadinessError> {
        let report = self.0.check().await;
        let reason = match report {
            Report { stopping: true, .. } => Some("The service is shutting down."),
            Report { database: false, .. } => Some("The database does not answer."),
            _ => None,
        };
        if let Some(reason) = reason {
            return Err(Problem::new(ProblemCode::ServiceUnavailable).with_detail(reason).into());
        }
        Ok(Success::new(ReadinessBody {
            database: report.database,
            events: report.events,
            events_detail: report.events_detail,
        }))
    }
}
