//! The server: an accept loop that no client can hold up.
//!
//! poem's own server has no limit on how long a request head may take, none on how many connections there are and none on a client
//! that reads nothing; hyper's timers are inert without a clock. Here every connection is driven together with a [`pulse`], which
//! knows what the connection is waiting for and since when, and ends it when that has taken too long.

mod accept;
mod connection;
mod deadlines;
mod io;
mod tracked;

use std::sync::Arc;
use std::time::Duration;

use hyper_util::rt::{TokioExecutor, TokioTimer};
use hyper_util::server::conn::auto;
use poem::{Endpoint, Response};
use tokio::net::TcpListener;
use tokio::sync::Semaphore;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::config::HttpSettings;
use accept::{Accepted, accept};
use connection::Shared;

/// Largest request head, in bytes: request line and header fields together.
const MAX_HEAD: usize = 16 * 1024;
/// Largest header list of an HTTP/2 request, in bytes as RFC 9113 section 6.5.2 counts them.
const MAX_HEADER_LIST: u32 = 16 * 1024;
/// Requests of one HTTP/2 connection that may run at the same time.
const MAX_STREAMS: u32 = 128;
/// Streams that a client may reset before they were looked at ("rapid reset"); then the connection ends.
const MAX_PENDING_RESETS: usize = 20;
/// Flow control windows of HTTP/2: no request body is larger than the first.
const STREAM_WINDOW: u32 = 64 * 1024;
const CONNECTION_WINDOW: u32 = 256 * 1024;

/// Bounds of the server.
#[derive(Debug, Clone, Copy)]
pub struct ServerSettings {
    /// Longest time for a whole request head to arrive, and for the first one on a new connection.
    pub header_timeout: Duration,
    /// Longest time without a byte going out while there is something to send.
    pub stall_timeout: Duration,
    /// Longest time between the end of one request and the first byte of the next.
    pub idle_timeout: Duration,
    /// Longest time in which a connection with requests must begin or finish one, and in which a response must have left;
    /// event streams excepted.
    pub transfer_timeout: Duration,
    /// Most connections at the same time; the next ones wait to be accepted.
    pub max_connections: usize,
    /// Longest time that a shutdown waits for requests in flight.
    pub shutdown_grace: Duration,
}

impl From<&HttpSettings> for ServerSettings {
    fn from(settings: &HttpSettings) -> Self {
        Self {
            header_timeout: settings.header_timeout,
            stall_timeout: settings.body_timeout,
            idle_timeout: settings.idle_timeout,
            transfer_timeout: settings.request_deadline + settings.idle_timeout,
            max_connections: settings.max_connections,
            shutdown_grace: settings.shutdown_grace,
        }
    }
}

/// Serves `endpoint` on `listener`, HTTP/1.1 and HTTP/2 without TLS, until `stop` is cancelled.
///
/// Then: no new connections, requests in flight are finished, idle connections are closed, and what is left after
/// `shutdown_grace` is dropped. Returns how many connections were dropped.
pub async fn serve<E>(listener: TcpListener, endpoint: E, settings: ServerSettings, stop: CancellationToken) -> usize
where
    E: Endpoint<Output = Response> + 'static,
{
    let shared = Arc::new(Shared {
        endpoint,
        builder: builder(),
        settings,
        local: listener.local_addr().ok(),
        stop: stop.clone(),
        kill: CancellationToken::new(),
    });
    let connections = TaskTracker::new();
    let permits = Arc::new(Semaphore::new(
        settings.max_connections.clamp(1, Semaphore::MAX_PERMITS),
    ));
    loop {
        let Accepted { socket, peer, permit } = tokio::select! {
            biased;
            () = stop.cancelled() => break,
            accepted = accept(&listener, &permits) => accepted,
        };
        let shared = Arc::clone(&shared);
        connections.spawn(async move {
            shared.drive(socket, peer).await;
            drop(permit);
        });
    }
    drop(listener);
    connections.close();
    if timeout(settings.shutdown_grace, connections.wait()).await.is_ok() {
        return 0;
    }
    let left = connections.len();
    tracing::warn!(
        connections = left,
        "requests were still running at the end of the shutdown grace"
    );
    shared.kill.cancel();
    connections.wait().await;
    left
}

fn builder() -> auto::Builder<TokioExecutor> {
    let mut builder = auto::Builder::new(TokioExecutor::new());
    // The pulse times the head: hyper's own timer would count keep-alive idleness as part of it.
    builder
        .http1()
        .timer(TokioTimer::new())
        .header_read_timeout(None)
        .max_buf_size(MAX_HEAD);
    builder
        .http2()
        .timer(TokioTimer::new())
        .max_concurrent_streams(MAX_STREAMS)
        .max_pending_accept_reset_streams(MAX_PENDING_RESETS)
        .max_local_error_reset_streams(MAX_PENDING_RESETS)
        .max_header_list_size(MAX_HEADER_LIST)
        .initial_stream_window_size(STREAM_WINDOW)
        .initial_connection_window_size(CONNECTION_WINDOW)
        .max_send_buf_size(STREAM_WINDOW as usize);
    builder
}
