//! What surrounds every route, as one layer: request id and trace, problem documents, deadline, panics, headers, the log line and
//! the metrics. One layer instead of eight, because each costs every request an allocation or two.

mod answer;
mod context;
mod line;
mod request_id;
mod routes;
mod trace;
mod user_agent;

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt as _;
use poem::http::header::CONTENT_LENGTH;
use poem::{Endpoint, IntoResponse, Middleware, Request, Response, Result};
use tokio::time::{Instant, timeout};
use tracing::{Instrument as _, Span};

pub use context::RequestContext;
pub use routes::RouteTable;
pub use trace::TraceContext;

use super::client_ip::{TrustedProxies, client_ip};
use super::compression::Encoding;
use super::payload::BodyLimits;
use super::problem::{Problem, ProblemCode};
use crate::config::HttpSettings;
use crate::domain::clock::Clock;
use crate::domain::random::Random;
use crate::telemetry::Metrics;
use answer::Outcome;
use line::Line;

/// The settings of an [`Edge`].
#[derive(Debug, Clone)]
pub struct EdgeSettings {
    /// Where the service is reached, base path included, without a slash at the end: `type` of a problem begins with it.
    pub base_url: String,
    /// Proxies whose `X-Forwarded-For` is believed.
    pub trusted_proxies: TrustedProxies,
    /// Bounds of a request body.
    pub body: BodyLimits,
    /// Longest time until a response begins; then 503.
    pub deadline: Duration,
}

impl From<&HttpSettings> for EdgeSettings {
    fn from(settings: &HttpSettings) -> Self {
        Self {
            base_url: settings.base_url(),
            trusted_proxies: TrustedProxies::new(settings.trusted_proxies.clone()),
            body: BodyLimits {
                max_bytes: settings.max_body_bytes,
                timeout: settings.body_timeout,
            },
            deadline: settings.request_deadline,
        }
    }
}

/// The outermost middleware. Everything that is served goes through it.
pub struct Edge {
    shared: Shared,
}

#[derive(Clone)]
struct Shared {
    settings: EdgeSettings,
    routes: RouteTable,
    clock: Arc<dyn Clock>,
    random: Arc<dyn Random>,
    metrics: Option<Arc<Metrics>>,
}

impl Edge {
    /// `routes` names what is served, for logs, metrics and `Allow`.
    #[must_use]
    pub fn new(settings: EdgeSettings, routes: RouteTable, clock: Arc<dyn Clock>, random: Arc<dyn Random>) -> Self {
        Self {
            shared: Shared {
                settings,
                routes,
                clock,
                random,
                metrics: None,
            },
        }
    }

    /// Observes every request in `metrics`, by route and method.
    #[must_use]
    pub fn with_metrics(mut self, metrics: Arc<Metrics>) -> Self {
        self.shared.metrics = Some(metrics);
        self
    }
}

impl<E: Endpoint> Middleware<E> for Edge {
    type Output = EdgeEndpoint<E>;

    fn transform(&self, inner: E) -> Self::Output {
        EdgeEndpoint {
            shared: self.shared.clone(),
            inner,
        }
    }
}

/// An endpoint behind an [`Edge`]; it never answers with an error.
pub struct EdgeEndpoint<E> {
    shared: Shared,
    inner: E,
}

impl Shared {
    fn context(&self, request: &Request) -> RequestContext {
        let headers = request.headers();
        let peer = request.remote_addr().as_socket_addr().map(std::net::SocketAddr::ip);
        let mut for_id = [0; request_id::RANDOM];
        let mut for_trace = [0; trace::RANDOM];
        // Drawing costs as much as half of this layer: once for everything.
        let mut fresh = [0; request_id::RANDOM + trace::RANDOM];
        self.random.fill(&mut fresh);
        let (first, last) = fresh.split_at(request_id::RANDOM);
        for_id.copy_from_slice(first);
        for_trace.copy_from_slice(last);
        RequestContext::new(context::Parts {
            request_id: request_id::of(headers, &*self.clock, for_id),
            trace: TraceContext::of(headers, for_trace),
            client_ip: peer.map(|peer| client_ip(peer, headers, &self.settings.trusted_proxies)),
            user_agent: user_agent::of(headers),
            body: self.settings.body,
        })
    }

    /// Whether the request says itself that its body is too large: refused before anything reads it.
    fn declares_too_much(&self, request: &Request) -> bool {
        let declared = request
            .headers()
            .get(CONTENT_LENGTH)
            .and_then(|value| value.to_str().ok()?.parse::<u64>().ok());
        declared.is_some_and(|length| usize::try_from(length).is_ok_and(|length| length > self.settings.body.max_bytes))
    }
}

impl<E: Endpoint> Endpoint for EdgeEndpoint<E> {
    type Output = Response;

    async fn call(&self, mut request: Request) -> Result<Response> {
        let started = Instant::now();
        let shared = &self.shared;
        let context = shared.context(&request);
        let polled = shared.routes.are_polled(request.uri().path());
        let line = Line::new(shared, context.clone(), request.method(), started, polled);
        // A span costs as much as an answer at hand: what is polled has one when there is something to say.
        let span = if polled { Span::none() } else { context.span().clone() };

        let too_large = shared.declares_too_much(&request);
        let (version, encoding) = (request.version(), Encoding::of(&request));
        request.set_data(context.clone());
        let outcome = if too_large {
            Outcome::Error(Problem::new(ProblemCode::PayloadTooLarge).into())
        } else {
            let answer = AssertUnwindSafe(self.inner.call(request)).catch_unwind();
            match timeout(shared.settings.deadline, answer.instrument(span)).await {
                Ok(Ok(Ok(response))) => Outcome::Response(response.into_response()),
                Ok(Ok(Err(error))) => Outcome::Error(error),
                Ok(Err(_panic)) => Outcome::Panicked,
                Err(_elapsed) => Outcome::TooLate,
            }
        };
        let (response, pattern) = match outcome {
            Outcome::Response(_) => answer::of(outcome),
            _ => context.span().in_scope(|| answer::of(outcome)),
        };
        let pattern = pattern.or_else(|| context.pattern());
        let route = shared.routes.find(pattern.as_deref());
        let mut response = answer::finish(response, &shared.settings.base_url, &context, route.allow()).await;
        answer::close_after_unread_body(&mut response, version);
        encoding.apply(&mut response).await;
        line.end(response.status(), route);
        Ok(response)
    }
}
