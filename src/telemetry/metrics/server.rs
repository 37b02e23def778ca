//! The listener that serves `GET /metrics`, separate from the public one: metrics reveal much about
//! a service.

use std::{convert::Infallible, io, net::SocketAddr, sync::Arc, time::Duration};

use http::{Method, Request, Response, StatusCode, header};
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    server::graceful::GracefulShutdown,
};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::Semaphore,
    time,
};
use tokio_util::sync::CancellationToken;

use super::registry::Metrics;
use crate::config::MetricsSettings;
use crate::telemetry::spawn;

const TEXT: &str = "text/plain; version=0.0.4; charset=utf-8";

/// Scrapers are few; this leaves room for operators.
const MAX_CONNECTIONS: usize = 32;

/// The longest time for the head of a request, and for an idle connection.
const HEAD_TIMEOUT: Duration = Duration::from_secs(30);

/// The longest wait of a shutdown for a scrape in flight.
const SHUTDOWN_TIMEOUT: Duration = Duration::from_secs(2);

/// Between two attempts to accept after an error such as too many open files.
const ACCEPT_RETRY_INTERVAL: Duration = Duration::from_millis(100);

#[derive(Debug, thiserror::Error)]
#[error("cannot listen on {address} for metrics (metrics.listen)")]
pub struct MetricsServerError {
    pub address: SocketAddr,
    pub source: io::Error,
}

#[derive(Debug)]
pub struct MetricsServer {
    listener: TcpListener,
    address: SocketAddr,
}

impl MetricsServer {
    /// Bind the listener; `None` when `metrics.enabled` is false.
    ///
    /// # Errors
    ///
    /// The address is in use, or not one of this machine.
    pub async fn bind(settings: &MetricsSettings) -> Result<Option<Self>, MetricsServerError> {
        if !settings.enabled {
            return Ok(None);
        }
        let failed = |source| MetricsServerError { address: settings.listen, source };
        let listener = TcpListener::bind(settings.listen).await.map_err(failed)?;
        let address = listener.local_addr().map_err(failed)?;
        Ok(Some(Self { listener, address }))
    }

    /// The bound address, with the port that the system chose.
    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Serve until `stop` is cancelled, then let a scrape in flight finish, at most two seconds.
    pub async fn run(self, metrics: Arc<Metrics>, stop: CancellationToken) {
        let graceful = GracefulShutdown::new();
        let permits = Arc::new(Semaphore::new(MAX_CONNECTIONS));
        loop {
            let accepted = tokio::select! {
                () = stop.cancelled() => break,
                accepted = self.listener.accept() => accepted,
            };
            match accepted {
                Ok((stream, _)) => serve(stream, &metrics, &graceful, &permits),
                Err(error) => {
                    tracing::warn!(%error, "metrics listener cannot accept a connection");
                    time::sleep(ACCEPT_RETRY_INTERVAL).await;
                }
            }
        }
        drop(self.listener);
        let _ = time::timeout(SHUTDOWN_TIMEOUT, graceful.shutdown()).await;
    }
}

/// Serve one connection in a task of its own; close it at once when there is no permit.
fn serve(stream: TcpStream, metrics: &Arc<Metrics>, graceful: &GracefulShutdown, permits: &Arc<Semaphore>) {
    let Ok(permit) = Arc::clone(permits).try_acquire_owned() else {
        return;
    };
    let metrics = Arc::clone(metrics);
    let service = service_fn(move |request| {
        let response = answer(&request, &metrics);
        async move { Ok::<_, Infallible>(response) }
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_TIMEOUT)
        .serve_connection(TokioIo::new(stream), service);
    let connection = graceful.watch(connection);
    spawn("metrics connection", async move {
        // A scraper that disconnects is not worth a log line.
        let _ = connection.await;
        drop(permit);
    });
}

fn answer(request: &Request<Incoming>, metrics: &Metrics) -> Response<String> {
    if request.uri().path() != "/metrics" {
        return plain(StatusCode::NOT_FOUND, "metrics are at /metrics\n".to_owned());
    }
    if request.method() != Method::GET {
        let mut response = plain(StatusCode::METHOD_NOT_ALLOWED, String::new());
        response.headers_mut().insert(header::ALLOW, header::HeaderValue::from_static("GET"));
        return response;
    }
    plain(StatusCode::OK, metrics.render())
}

fn plain(status: StatusCode, body: String) -> Response<String> {
    let mut response = Response::new(body);
    *response.status_mut() = status;
    response
        .headers_mut()
        .insert(header::CONTENT_TYPE, header::HeaderValue::from_static(TEXT));
    response
}
