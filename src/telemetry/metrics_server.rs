//! The listener that serves `GET /metrics`, apart from the public one: metrics tell a lot about a service.

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

use super::{Metrics, spawn};
use crate::config::MetricsSettings;

/// Prometheus' text format, version 0.0.4.
const TEXT: &str = "text/plain; version=0.0.4; charset=utf-8";

/// Scrapers are few; this many connections leave room for people who look.
const MAX_CONNECTIONS: usize = 32;

/// How long a request's head may take, and how long a connection may stay idle.
const HEAD_TIMEOUT: Duration = Duration::from_secs(30);

/// How long a shutdown waits for a scrape in flight.
const GRACE: Duration = Duration::from_secs(2);

/// How long accepting rests after an error such as too many open files.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Why the listener cannot start.
#[derive(Debug, thiserror::Error)]
#[error("cannot listen on {address} for metrics (metrics.listen)")]
pub struct MetricsServerError {
    /// The configured address.
    pub address: SocketAddr,
    /// What the system said.
    pub source: io::Error,
}

/// The bound listener.
#[derive(Debug)]
pub struct MetricsServer {
    listener: TcpListener,
    address: SocketAddr,
}

impl MetricsServer {
    /// Binds the listener; none when `metrics.enabled` is false. The runtime must be running.
    ///
    /// # Errors
    ///
    /// The address is taken, or not of this machine.
    pub async fn bind(settings: &MetricsSettings) -> Result<Option<Self>, MetricsServerError> {
        if !settings.enabled {
            return Ok(None);
        }
        let failed = |source| MetricsServerError {
            address: settings.listen,
            source,
        };
        let listener = TcpListener::bind(settings.listen).await.map_err(failed)?;
        let address = listener.local_addr().map_err(failed)?;
        Ok(Some(Self { listener, address }))
    }

    /// The address really listened on.
    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Serves until `stop` is cancelled, then lets a scrape in flight finish (at most two seconds).
    pub async fn run(self, metrics: Arc<Metrics>, stop: CancellationToken) {
        let graceful = GracefulShutdown::new();
        let places = Arc::new(Semaphore::new(MAX_CONNECTIONS));
        loop {
            let accepted = tokio::select! {
                () = stop.cancelled() => break,
                accepted = self.listener.accept() => accepted,
            };
            match accepted {
                Ok((stream, _)) => serve(stream, &metrics, &graceful, &places),
                Err(error) => {
                    tracing::warn!(%error, "the metrics listener cannot accept a connection");
                    time::sleep(ACCEPT_PAUSE).await;
                }
            }
        }
        drop(self.listener);
        let _ = time::timeout(GRACE, graceful.shutdown()).await;
    }
}

/// Serves one connection in a task of its own; closes it at once when all places are taken.
fn serve(stream: TcpStream, metrics: &Arc<Metrics>, graceful: &GracefulShutdown, places: &Arc<Semaphore>) {
    let Ok(place) = Arc::clone(places).try_acquire_owned() else {
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
        // A scraper that hangs up is not worth a line.
        let _ = connection.await;
        drop(place);
    });
}

fn answer(request: &Request<Incoming>, metrics: &Metrics) -> Response<String> {
    if request.uri().path() != "/metrics" {
        return plain(StatusCode::NOT_FOUND, "metrics are at /metrics\n".to_owned());
    }
    if request.method() != Method::GET {
        let mut response = plain(StatusCode::METHOD_NOT_ALLOWED, String::new());
        response
            .headers_mut()
            .insert(header::ALLOW, header::HeaderValue::from_static("GET"));
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
