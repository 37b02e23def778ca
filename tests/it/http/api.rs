//! A small application for the tests.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use futures_util::StreamExt as _;
use poem::http::StatusCode;
use poem::{EndpointExt as _, IntoEndpoint as _, Route};
use poem_openapi::param::Query;
use poem_openapi::payload::{EventStream, Json, PlainText};
use poem_openapi::{ApiResponse, Object, OpenApi, OpenApiService};
use serde::Deserialize;
use tokio::net::TcpListener;
use tokio::sync::Notify;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;
use watchword::domain::clock::SystemClock;
use watchword::domain::random::SystemRandom;
use watchword::http::bearer::{BearerToken, OptionalBearerToken};
use watchword::http::client_ip::TrustedProxies;
use watchword::http::cors::Cors;
use watchword::http::detached::Detached;
use watchword::http::middleware::{Edge, EdgeSettings, RequestContext, RouteTable};
use watchword::http::parameters::path::Path;
use watchword::http::payload::{BodyLimits, Patch, StrictJson};
use watchword::http::problem::{Problem, ProblemCode, pages};
use watchword::http::server::{ServerSettings, serve};
use watchword::telemetry::Metrics;

use super::raw::TIMEOUT;

/// Synchronizes a handler with its test.
#[derive(Default)]
pub(super) struct Gate {
    pub(super) arrived: Notify,
    pub(super) proceed: Notify,
    pub(super) finished: AtomicUsize,
    pub(super) done: Notify,
}

#[derive(Debug, Object, Deserialize)]
#[oai(rename_all = "camelCase")]
#[serde(rename_all = "camelCase")]
pub(super) struct Sample {
    /// A required field.
    pub(super) email: String,
    /// Another required field.
    pub(super) password: String,
    pub(super) display_name: Option<String>,
    pub(super) age: Option<u8>,
    pub(super) active: Option<bool>,
    pub(super) tags: Option<Vec<String>>,
    pub(super) nested: Option<Nested>,
    pub(super) kind: Option<Kind>,
    #[serde(default)]
    pub(super) nickname: Patch<String>,
    pub(super) id: Option<Uuid>,
}

#[derive(Debug, Object, Deserialize)]
pub(super) struct Nested {
    pub(super) city: String,
    pub(super) zip: Option<String>,
}

#[derive(Debug, Clone, Copy, poem_openapi::Enum, Deserialize)]
#[oai(rename_all = "snake_case")]
#[serde(rename_all = "snake_case")]
pub(super) enum Kind {
    Artist,
    User,
}

#[derive(ApiResponse)]
enum Taken {
    /// Unused.
    #[oai(status = 200)]
    Ok(PlainText<String>),
    /// The email is taken.
    #[oai(status = 409)]
    Conflict(Problem),
    /// The rate limit is exhausted.
    #[oai(status = 429)]
    Limited(Problem, #[oai(header = "RateLimit")] String),
}

pub(super) struct Api {
    pub(super) gate: Arc<Gate>,
    pub(super) detached: Detached,
}

#[OpenApi]
impl Api {
    /// Echoes the parsed body.
    #[oai(path = "/strict", method = "post", operation_id = "strict")]
    async fn strict(&self, StrictJson(sample): StrictJson<Sample>) -> PlainText<String> {
        PlainText(format!("{sample:?}"))
    }

    #[oai(path = "/ok", method = "get", operation_id = "ok")]
    async fn ok(&self) -> PlainText<&'static str> {
        PlainText("ok")
    }

    /// Returns this many bytes.
    #[oai(path = "/bytes", method = "get", operation_id = "bytes")]
    async fn bytes(&self, count: Query<usize>) -> PlainText<String> {
        PlainText("x".repeat(count.0))
    }

    #[oai(path = "/items/:id", method = "get", operation_id = "item")]
    async fn item(&self, id: Path<Uuid>, context: RequestContext) -> PlainText<String> {
        context.set_user(id.0.into());
        PlainText(id.0.to_string())
    }

    #[oai(path = "/items/:id", method = "patch", operation_id = "patchItem")]
    async fn patch_item(&self, id: Path<Uuid>) -> PlainText<String> {
        PlainText(id.0.to_string())
    }

    #[oai(path = "/who", method = "get", operation_id = "who")]
    async fn who(&self, context: RequestContext) -> PlainText<String> {
        PlainText(format!(
            "{}|{}|{}|{}",
            context.request_id(),
            context.traceparent(),
            context.client_ip().unwrap(),
            context.user_agent().unwrap_or_default(),
        ))
    }

    #[oai(path = "/private", method = "get", operation_id = "private")]
    async fn private(&self, token: BearerToken) -> PlainText<String> {
        PlainText(token.as_str().to_owned())
    }

    #[oai(path = "/optional", method = "get", operation_id = "optional")]
    async fn optional(&self, token: OptionalBearerToken) -> PlainText<String> {
        PlainText(token.0.map_or_else(|| "none".to_owned(), |token| token.as_str().to_owned()))
    }

    #[oai(path = "/taken", method = "get", operation_id = "taken")]
    async fn taken(&self, how: Query<Option<String>>) -> Result<Taken, Taken> {
        match how.0.as_deref() {
            Some("error") => Err(Taken::Conflict(ProblemCode::EmailTaken.into())),
            Some("limited") => {
                let problem = Problem::new(ProblemCode::RateLimited).with_retry_after(Duration::from_millis(2500));
                Ok(Taken::Limited(problem, "\"login\";r=0;t=3".to_owned()))
            }
            Some("never") => Ok(Taken::Ok(PlainText(String::new()))),
            _ => Ok(Taken::Conflict(ProblemCode::EmailTaken.into())),
        }
    }

    #[oai(path = "/panic", method = "get", operation_id = "panic")]
    async fn panic(&self, _context: RequestContext) -> PlainText<String> {
        panic!("with a canary-secret");
    }

    #[oai(path = "/detached-panic", method = "get", operation_id = "detachedPanic")]
    async fn detached_panic(&self) -> poem::Result<PlainText<String>> {
        Ok(self.detached.run(async { panic!("with a canary-secret") }).await?)
    }

    #[oai(path = "/broken", method = "get", operation_id = "broken")]
    async fn broken(&self, how: Query<u16>) -> poem::Result<Json<String>> {
        let status = StatusCode::from_u16(how.0).unwrap();
        Err(poem::Error::from_string("with a canary-secret", status))
    }

    /// A route that load balancers poll.
    #[oai(path = "/readyz", method = "get", operation_id = "polled")]
    async fn polled(&self, broken: Query<Option<u16>>) -> poem::Result<PlainText<&'static str>> {
        match broken.0.and_then(|status| StatusCode::from_u16(status).ok()) {
            Some(status) => Err(poem::Error::from_status(status)),
            None => Ok(PlainText("ok")),
        }
    }

    /// Waits for [`Gate::proceed`].
    #[oai(path = "/wait", method = "get", operation_id = "wait")]
    async fn wait(&self, _context: RequestContext) -> PlainText<&'static str> {
        self.gate.arrived.notify_one();
        self.gate.proceed.notified().await;
        PlainText("done")
    }

    /// Runs work that a disconnect must not cancel.
    #[oai(path = "/work", method = "post", operation_id = "work")]
    async fn work(&self) -> poem::Result<PlainText<&'static str>> {
        let gate = Arc::clone(&self.gate);
        let work = async move {
            gate.arrived.notify_one();
            gate.proceed.notified().await;
            gate.finished.fetch_add(1, Ordering::SeqCst);
            gate.done.notify_one();
        };
        self.detached.run(work).await?;
        Ok(PlainText("done"))
    }

    /// Sends one event, and then stays silent.
    #[oai(path = "/stream", method = "get", operation_id = "stream")]
    async fn stream(&self) -> EventStream<futures_util::stream::BoxStream<'static, String>> {
        let first = futures_util::stream::once(async { "first".to_owned() });
        EventStream::new(first.chain(futures_util::stream::pending()).boxed())
    }
}

/// Timeouts that no test reaches, even on a busy machine. A test of one of them sets it to
/// [`SHORT`].
pub(super) const fn long_timeouts() -> ServerSettings {
    ServerSettings {
        header_timeout: TIMEOUT,
        stall_timeout: TIMEOUT,
        idle_timeout: TIMEOUT,
        transfer_timeout: TIMEOUT,
        max_connections: 512,
        shutdown_grace: TIMEOUT,
    }
}

/// A timeout that a test waits for.
pub(super) const SHORT: Duration = Duration::from_millis(300);

/// An end within this time was caused by [`SHORT`], not by another timeout.
pub(super) const BEFORE_OTHER_TIMEOUTS: Duration = Duration::from_secs(TIMEOUT.as_secs() / 2);

pub(super) fn edge_settings() -> EdgeSettings {
    EdgeSettings {
        trusted_proxies: TrustedProxies::default(),
        cors: Cors::default(),
        body: BodyLimits { max_bytes: 1024, timeout: TIMEOUT },
        deadline: TIMEOUT,
    }
}

/// The running application. Dropping it stops it.
pub(super) struct Running {
    pub(super) address: SocketAddr,
    pub(super) gate: Arc<Gate>,
    pub(super) detached: Detached,
    pub(super) metrics: Arc<Metrics>,
    pub(super) stop: CancellationToken,
    pub(super) served: JoinHandle<usize>,
}

impl Drop for Running {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

pub(super) fn service() -> OpenApiService<Api, ()> {
    OpenApiService::new(Api { gate: Arc::default(), detached: Detached::new() }, "test", "1")
}

pub(super) async fn start_with(server: ServerSettings, edge: EdgeSettings) -> Running {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (gate, detached) = (Arc::new(Gate::default()), Detached::new());
    let (metrics, stop) = (Metrics::new().unwrap(), CancellationToken::new());
    let api = Api { gate: Arc::clone(&gate), detached: detached.clone() };
    let routes = RouteTable::new("/base").with_api::<Api>().with_route("/problems", &["GET"]);
    let edge = Edge::new(edge, routes, Arc::new(SystemClock), Arc::new(SystemRandom::default()));
    let api = OpenApiService::new(api, "test", "1").into_endpoint();
    let site = Route::new().nest("/base", Route::new().nest("/problems", pages()).nest("/", api));
    let endpoint = site.with(edge.with_metrics(Arc::clone(&metrics)));
    let served = tokio::spawn(serve(listener, endpoint, server, stop.clone()));
    Running { address, gate, detached, metrics, stop, served }
}

pub(super) async fn start() -> Running {
    start_with(long_timeouts(), edge_settings()).await
}

/// Starts the application with a short deadline for requests.
pub(super) async fn start_with_deadline() -> Running {
    let mut edge = edge_settings();
    edge.deadline = SHORT;
    start_with(long_timeouts(), edge).await
}
