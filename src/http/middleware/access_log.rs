//! One line in the log and one observation for every request, also for those that nobody waits for any more.

use poem::http::{Method, StatusCode};
use tokio::time::Instant;
use tracing::Level;

use super::routes::Route;
use super::{RequestContext, Shared};

/// Status in logs and metrics of a request whose client went away before the answer.
const CLIENT_GONE: u16 = 499;

/// The line of a request in progress. Dropping it without [`Line::end`] says that the client went away.
pub(super) struct Line<'a> {
    shared: &'a Shared,
    context: RequestContext,
    method: &'static str,
    started: Instant,
    polled: bool,
    ended: bool,
}

impl<'a> Line<'a> {
    /// `polled`: machines ask all the time, and a good answer is no news.
    pub(super) fn new(
        shared: &'a Shared,
        context: RequestContext,
        method: &Method,
        started: Instant,
        polled: bool,
    ) -> Self {
        Self {
            shared,
            context,
            method: method_name(method),
            started,
            polled,
            ended: false,
        }
    }

    /// Writes the line.
    pub(super) fn end(mut self, status: StatusCode, route: &Route) {
        self.ended = true;
        self.write(status.as_u16(), route);
    }

    fn write(&self, status: u16, route: &Route) {
        let elapsed = self.started.elapsed();
        let latency_ms = elapsed.as_secs_f64() * 1000.0;
        let user_id = self.context.user().map(tracing::field::display);
        let (method, template) = (self.method, route.template());
        if let Some(metrics) = &self.shared.metrics {
            metrics.route(template, method).answered(status, elapsed);
        }
        let is_no_news = self.polled && status < 400;
        if is_no_news && !tracing::enabled!(Level::DEBUG) {
            return;
        }
        self.context.span().in_scope(|| {
            if status >= 500 {
                tracing::warn!(user_id, method, route = template, status, latency_ms, "request");
            } else if is_no_news {
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
            self.write(CLIENT_GONE, self.shared.routes.find(pattern.as_deref()));
        }
    }
}

/// The method's name if it is a usual one: clients may invent others without end.
fn method_name(method: &Method) -> &'static str {
    match *method {
        Method::GET => "GET",
        Method::HEAD => "HEAD",
        Method::POST => "POST",
        Method::PUT => "PUT",
        Method::PATCH => "PATCH",
        Method::DELETE => "DELETE",
        Method::OPTIONS => "OPTIONS",
        _ => "OTHER",
    }
}
