//! The middleware of every route: request id, trace, problem documents, deadline, panics, headers,
//! access log and metrics. It is one layer, because each layer costs every request an allocation or
//! two.

mod access_log;
mod context;
mod drain;
mod finalize;
mod request_id;
mod routes;
mod trace;
mod unparsed;
mod untrusted_proxy;
mod user_agent;

use std::net::{IpAddr, SocketAddr};
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt as _;
use poem::http::header::{CONTENT_LENGTH, HOST};
use poem::http::{HeaderMap, HeaderName, Version};
use poem::{Endpoint, IntoResponse, Middleware, Request, Response, Result};
use tokio::time::{Instant, timeout};
use tracing::{Instrument as _, Span};

pub use context::RequestContext;
pub use drain::CloseWhileDraining;
pub use routes::RouteTable;
pub use trace::TraceContext;

use super::client_ip::{TrustedProxies, client_ip};
use super::compression::Encoding;
use super::cors::Cors;
use super::payload::BodyLimits;
use super::problem::{Problem, ProblemCode};
use super::server::MAX_HEAD;
use crate::config::HttpSettings;
use crate::domain::clock::Clock;
use crate::domain::random::Random;
use crate::telemetry::Metrics;
use access_log::Line;
use finalize::EndpointResult;
use untrusted_proxy::UntrustedProxy;

#[derive(Debug, Clone)]
pub struct EdgeSettings {
    /// Proxies that are trusted to name the client.
    pub trusted_proxies: TrustedProxies,
    /// Origins whose pages may call the API.
    pub cors: Cors,
    pub body: BodyLimits,
    /// Longest time until a response begins; after it, 503.
    pub deadline: Duration,
}

impl From<&HttpSettings> for EdgeSettings {
    fn from(settings: &HttpSettings) -> Self {
        Self {
            trusted_proxies: trusted_proxies(settings),
            cors: Cors::from(&settings.cors),
            body: BodyLimits {
                max_bytes: settings.max_body_bytes,
                timeout: settings.body_timeout,
            },
            deadline: settings.request_deadline,
        }
    }
}

fn trusted_proxies(settings: &HttpSettings) -> TrustedProxies {
    let trusted = TrustedProxies::new(settings.trusted_proxies.clone());
    // The configuration accepts only names of headers.
    match settings.client_ip_header.parse::<HeaderName>() {
        Ok(header) => trusted.reading(header),
        Err(_) => trusted,
    }
}

/// The outermost middleware.
pub struct Edge {
    state: EdgeState,
}

#[derive(Clone)]
struct EdgeState {
    settings: EdgeSettings,
    routes: RouteTable,
    clock: Arc<dyn Clock>,
    random: Arc<dyn Random>,
    metrics: Option<Arc<Metrics>>,
    untrusted_proxy: Arc<UntrustedProxy>,
}

impl Edge {
    /// `routes` are for logs, metrics and `Allow`.
    #[must_use]
    pub fn new(settings: EdgeSettings, routes: RouteTable, clock: Arc<dyn Clock>, random: Arc<dyn Random>) -> Self {
        Self {
            state: EdgeState {
                settings,
                routes,
                clock,
                random,
                metrics: None,
                untrusted_proxy: Arc::default(),
            },
        }
    }

    /// Observe every request in `metrics`, by route and method.
    #[must_use]
    pub fn with_metrics(mut self, metrics: Arc<Metrics>) -> Self {
        self.state.metrics = Some(metrics);
        self
    }
}

impl<E: Endpoint> Middleware<E> for Edge {
    type Output = EdgeEndpoint<E>;

    fn transform(&self, inner: E) -> Self::Output {
        EdgeEndpoint { state: self.state.clone(), inner }
    }
}

/// An endpoint behind an [`Edge`]; it never returns an error.
pub struct EdgeEndpoint<E> {
    state: EdgeState,
    inner: E,
}

impl EdgeState {
    fn context(&self, headers: &HeaderMap, peer: Option<IpAddr>) -> RequestContext {
        let trusted = &self.settings.trusted_proxies;
        if let Some(peer) = peer {
            self.untrusted_proxy.note(peer, headers, trusted);
        }
        let mut for_id = [0; request_id::RANDOM];
        let mut for_trace = [0; trace::RANDOM];
        // Drawing random bytes costs as much as half of this layer, so it is done once.
        let mut fresh = [0; request_id::RANDOM + trace::RANDOM];
        self.random.fill(&mut fresh);
        let (first, last) = fresh.split_at(request_id::RANDOM);
        for_id.copy_from_slice(first);
        for_trace.copy_from_slice(last);
        RequestContext::new(context::Parts {
            request_id: request_id::of(headers, &*self.clock, for_id),
            trace: TraceContext::of(headers, for_trace),
            client_ip: peer.map(|peer| client_ip(peer, headers, trusted)),
            user_agent: user_agent::of(headers),
            body: self.settings.body,
        })
    }

    /// Why a request is refused before it is routed.
    fn refusal(&self, request: &Request) -> Option<Problem> {
        if self.declares_too_much(request) {
            return Some(ProblemCode::PayloadTooLarge.into());
        }
        let mut hosts = request.headers().get_all(HOST).iter();
        let (host, second) = (hosts.next(), hosts.next());
        match request.version() {
            // Nothing depends on the host; but what disagrees about it is not to be relied on (RFC
            // 9112 section 3.2).
            Version::HTTP_11 if host.is_none() => {
                Some(Problem::new(ProblemCode::BadRequest).with_detail("A request of HTTP/1.1 has a Host header."))
            }
            _ if second.is_some() => {
                Some(Problem::new(ProblemCode::BadRequest).with_detail("A request has only one Host header."))
            }
            Version::HTTP_2 if head_length(request) > MAX_HEAD => Some(ProblemCode::HeadTooLarge.into()),
            _ => None,
        }
    }

    /// Whether the declared length of the body is too large.
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
        let edge = &self.state;
        let peer = request.remote_addr().as_socket_addr().map(SocketAddr::ip);
        let context = edge.context(request.headers(), peer);
        let sharing = edge.settings.cors.sharing(request.headers());
        let preflight = edge.settings.cors.preflight(&request, &sharing);
        let route_known = preflight.is_some().then(|| edge.routes.preflight());
        let polled = route_known.is_some() || edge.routes.is_polled(request.uri().path());
        let line = Line::new(edge, context.clone(), request.method(), started, polled);
        // A span costs as much as a cached answer: a polled request gets one when there is
        // something to log.
        let span = if polled { Span::none() } else { context.span().clone() };

        let refusal = edge.refusal(&request);
        let (version, encoding) = (request.version(), Encoding::of(&request));
        request.set_data(context.clone());
        let result = if let Some(response) = preflight {
            EndpointResult::Response(response)
        } else if let Some(problem) = refusal {
            EndpointResult::Error(problem.into())
        } else {
            let response = AssertUnwindSafe(self.inner.call(request)).catch_unwind();
            match timeout(edge.settings.deadline, response.instrument(span)).await {
                Ok(Ok(Ok(response))) => EndpointResult::Response(response.into_response()),
                Ok(Ok(Err(error))) => EndpointResult::Error(error),
                Ok(Err(_panic)) => EndpointResult::Panicked,
                Err(_elapsed) => EndpointResult::DeadlineExceeded,
            }
        };
        let (response, pattern) = match result {
            EndpointResult::Response(_) => finalize::of(result),
            _ => context.span().in_scope(|| finalize::of(result)),
        };
        let pattern = pattern.or_else(|| context.pattern());
        let route = route_known.unwrap_or_else(|| edge.routes.find(pattern.as_deref()));
        let mut response = finalize::finish(response, &context, route.allow()).await;
        sharing.apply(&mut response);
        finalize::close_after_unread_body(&mut response, version);
        encoding.apply(&mut response).await;
        line.end(response.status(), route);
        Ok(response)
    }
}

/// The length of a head of HTTP/2, as RFC 9113 section 6.5.2 counts it.
fn head_length(request: &Request) -> usize {
    let fields = request.headers().iter().map(|(name, value)| name.as_str().len() + value.len() + 32);
    fields.sum::<usize>() + request.uri().path().len() + request.uri().query().map_or(0, str::len)
}
