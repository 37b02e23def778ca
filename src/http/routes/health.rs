//! GET /healthz and /readyz.

use std::sync::Arc;

use futures_util::future::BoxFuture;
use poem_openapi::payload::Json;
use poem_openapi::{ApiResponse, Enum, Object, OpenApi};

use super::Tag;
use crate::http::error_responses::{ALWAYS, error_responses};
use crate::http::middleware::RequestContext;
use crate::http::problem::{Problem, ProblemCode};

/// How the parts that the service depends on are.
pub trait Readiness: Send + Sync + 'static {
    /// Looks now.
    fn look(&self) -> BoxFuture<'_, Report>;
}

/// What a look found.
#[derive(Debug, Clone)]
pub struct Report {
    /// Whether the service is shutting down.
    pub stopping: bool,
    /// Whether the database answers.
    pub database: bool,
    /// Whether events reach the stream now; while they don't, they wait in the ledger.
    pub events: Delivery,
    /// Why events wait, for people.
    pub events_detail: Option<String>,
}

/// Whether events reach the stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[oai(rename = "EventDelivery", rename_all = "snake_case")]
pub enum Delivery {
    /// They do.
    Flowing,
    /// They wait in the ledger and are delivered in order later.
    Waiting,
}

/// The process is there.
#[derive(Object)]
#[oai(rename_all = "camelCase")]
struct Alive {
    /// Always `ok`.
    status: String,
}

/// How the parts are that the service depends on.
#[derive(Object)]
#[oai(rename_all = "camelCase")]
struct Ready {
    /// Whether the database answers.
    database: bool,
    /// Whether events reach the stream. Does not make the service unready.
    events: Delivery,
    /// Why events wait.
    #[oai(skip_serializing_if_is_none)]
    events_detail: Option<String>,
}

/// Alive.
#[derive(ApiResponse)]
enum Live {
    /// The process answers.
    #[oai(status = 200)]
    Ok(Json<Alive>),
}

/// Ready.
#[derive(ApiResponse)]
enum Readyz {
    /// Send requests.
    #[oai(status = 200)]
    Ready(Json<Ready>),
}

error_responses! {
    /// Why requests should be sent elsewhere.
    NotReady: [ALWAYS], []
}

/// The resource.
pub struct Health(pub Arc<dyn Readiness>);

#[OpenApi]
impl Health {
    /// Is the process alive?
    ///
    /// Depends on nothing else, so that an outage elsewhere does not restart it.
    #[oai(path = "/healthz", method = "get", operation_id = "getHealth", tag = "Tag::Service")]
    async fn live(&self, _context: RequestContext) -> Live {
        Live::Ok(Json(Alive {
            status: "ok".to_owned(),
        }))
    }

    /// Should requests be sent here?
    ///
    /// Not while shutting down, and not while the database does not answer. An outage of NATS is reported and changes nothing:
    /// requests are served and events wait.
    #[oai(
        path = "/readyz",
        method = "get",
        operation_id = "getReadiness",
        tag = "Tag::Service"
    )]
    async fn ready(&self, _context: RequestContext) -> Result<Readyz, NotReady> {
        let report = self.0.look().await;
        let reason = match report {
            Report { stopping: true, .. } => Some("The service is shutting down."),
            Report { database: false, .. } => Some("The database does not answer."),
            _ => None,
        };
        if let Some(reason) = reason {
            return Err(Problem::new(ProblemCode::ServiceUnavailable).with_detail(reason).into());
        }
        Ok(Readyz::Ready(Json(Ready {
            database: report.database,
            events: report.events,
            events_detail: report.events_detail,
        })))
    }
}
