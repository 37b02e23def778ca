//! Writes one log line and one observation for every request, also when its client has
//! disconnected.

use poem::http::{Method, StatusCode};
use tokio::time::Instant;
use tracing::Level;

use super::routes::Route;
use super::{EdgeState, RequestContext};

/// The status, in logs and metrics, of a request whose client disconnected before the response.
const CLIENT_CLOSED_REQUEST: u16 = 499;

/// The name of every method that is not a standard one.
const OTHER: &str = "OTHER";

/// The log line of a request in flight. When it is dropped before [`Line::end`], the client has
/// disconnected.
pub(super) struct Line<'a> {
    edge: &'a EdgeState,
    context: RequestContext,
    method: &'static str,
    started: Instant,
    polled: bool,
    ended: bool,
}

impl<'a> Line<'a> {
    /// A successful request of a `polled` route is logged at `debug`.
    pub(super) fn new(
        edge: &'a EdgeState,
        context: RequestContext,
        method: &Method,
        started: Instant,
        polled: bool,
    ) -> Self {
        Self {
            edge,
            context,
            method: method_name(method),
            started,
            polled,
            ended: false,
        }
    }

    /// The line of what is no request.
    pub(super) fn unparsed(edge: &'a EdgeState, context: RequestContext) -> Self {
        Self {
            edge,
            context,
            method: OTHER,
            started: Instant::now(),
            polled: false,
            ended: false,
        }
    }

    pub(super) fn end(mut self, status: StatusCode, route: &Route) {
        self.ended = true;
        self.write(status.as_u16(), route);
    }

    fn write(&self, status: u16, route: &Route) {
        let elapsed = self.started.elapsed();
        let latency_ms = elapsed.as_secs_f64() * 1000.0;
        let user_id = self.context.user().map(tracing::field::display);
        let (method, template) = (self.method, route.template());
        if let Some(metrics) = &self.edge.metrics {
            metrics.route(template, method).answered(status, elapsed);
        }
        let is_quiet = self.polled && status < 400;
        if is_quiet && !tracing::enabled!(Level::DEBUG) {
            return;
        }
        self.context.span().in_scope(|| {
            if status >= 500 {
                tracing::warn!(user_id, method, route = template, status, latency_ms, "request");
            } else if is_quiet {
                tracing::debug!(user_id, method, route = template, status, latency_ms, "request");
            } else {
                tracing::info!(user_id, method, route = template, status, latency_ms, "request");
            }
        });
    }
}

impl Drop for Line<'_> {
    fn drop(&mut self) {
        if !self.ended {
            let pattern = self.context.pattern();
            self.write(CLIENT_CLOSED_REQUEST, self.edge.routes.find(pattern.as_deref()));
        }
    }
}

/// The name of a standard method; [`OTHER`] for all others, since clients can send any number of
/// them.
fn method_name(method: &Method) -> &'static str {
    match *method {
        Method::GET => "GET",
        Method::HEAD => "HEAD",
        Method::POST => "POST",
        Method::PUT => "PUT",
        Method::PATCH => "PATCH",
        Method::DELETE => "DELETE",
        Method::OPTIONS => "OPTIONS",
        _ => OTHER,
    }
}
