//! The HTTP server: an accept loop that no client can block.
//!
//! poem's server does not limit the time of a request head, the number of connections, or how long
//! a client may not read; hyper's timers do nothing without a clock. Here every connection has
//! [`deadlines`], which know what the connection waits for and since when, and end it when that
//! takes too long.

mod accept;
mod bare_errors;
mod connection;
mod deadlines;
mod io;
mod tls;
mod tracked;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use hyper_util::rt::{TokioExecutor, TokioTimer};
use hyper_util::server::conn::auto;
use poem::http::StatusCode;
use poem::{Endpoint, Response, http};
use tokio::net::TcpListener;
use tokio::sync::Semaphore;
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::config::HttpSettings;
use accept::{Accepted, accept};
use connection::Server;
pub use tls::{Tls, TlsError};

/// Largest request head, in bytes: request line and header fields together.
pub(super) const MAX_HEAD: usize = 16 * 1024;
/// Largest header list of an HTTP/2 request that is read at all. Between [`MAX_HEAD`] and this, the
/// request is refused with a problem document; beyond it, with a status alone.
const MAX_HEADER_LIST: u32 = 64 * 1024;
/// Concurrent requests of one HTTP/2 connection.
const MAX_STREAMS: u32 = 128;
/// Streams that a client may reset before they are accepted ("rapid reset"); more end the
/// connection.
const MAX_PENDING_RESETS: usize = 20;
/// Flow control windows of HTTP/2; a request body fits into a stream's window.
const STREAM_WINDOW: u32 = 64 * 1024;
const CONNECTION_WINDOW: u32 = 256 * 1024;

/// The limits of the server.
#[derive(Debug, Clone, Copy)]
pub struct ServerSettings {
    /// Longest time until a request head has arrived, from its first byte or from the start of the
    /// connection.
    pub header_timeout: Duration,
    /// Longest time in which a client reads nothing while there is something to send.
    pub stall_timeout: Duration,
    /// Longest time between the end of one request and the first byte of the next.
    pub idle_timeout: Duration,
    /// Longest time in which a connection with requests in flight begins or ends one, and in which
    /// a response is sent; except event streams.
    pub transfer_timeout: Duration,
    /// Most concurrent connections; further ones wait to be accepted.
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

/// Answers what is no request.
pub trait AnswerUnparsed {
    /// The answer to bytes of `peer` that cannot be parsed; the connection closes after it.
    fn answer_unparsed(&self, status: StatusCode, peer: SocketAddr) -> http::Response<Vec<u8>>;
}

/// Where clients connect, and how.
pub struct Listener {
    pub tcp: TcpListener,
    /// What begins TLS on each connection; `None` for plain HTTP.
    pub tls: Option<TlsAcceptor>,
}

impl From<TcpListener> for Listener {
    fn from(tcp: TcpListener) -> Self {
        Self { tcp, tls: None }
    }
}

/// Serve `endpoint` on `listener`, HTTP/1.1 and HTTP/2, until `stop` is cancelled.
///
/// Then it accepts no connections, finishes requests in flight, closes idle connections, and drops
/// those that are left after `shutdown_grace`. Returns the number of dropped connections.
pub async fn serve<E>(
    listener: impl Into<Listener>,
    endpoint: E,
    settings: ServerSettings,
    stop: CancellationToken,
) -> usize
where
    E: Endpoint<Output = Response> + AnswerUnparsed + 'static,
{
    let Listener { tcp: listener, tls } = listener.into();
    let server = Arc::new(Server {
        endpoint,
        builder: builder(),
        settings,
        tls,
        local: listener.local_addr().ok(),
        stop: stop.clone(),
        kill: CancellationToken::new(),
    });
    let connections = TaskTracker::new();
    let permits = Arc::new(Semaphore::new(settings.max_connections.clamp(1, Semaphore::MAX_PERMITS)));
    loop {
        let Accepted { socket, peer, permit } = tokio::select! {
            biased;
            () = stop.cancelled() => break,
            accepted = accept(&listener, &permits) => accepted,
        };
        let server = Arc::clone(&server);
        connections.spawn(async move {
            server.drive(socket, peer).await;
            drop(permit);
        });
    }
    drop(listener);
    connections.close();
    if timeout(settings.shutdown_grace, connections.wait()).await.is_ok() {
        return 0;
    }
    let left = connections.len();
    tracing::warn!(connections = left, "shutdown grace ended with requests in flight");
    server.kill.cancel();
    connections.wait().await;
    left
}

fn builder() -> auto::Builder<TokioExecutor> {
    let mut builder = auto::Builder::new(TokioExecutor::new());
    // The deadlines limit the head: hyper's own timer would count the idle time of a kept-alive
    // connection as part of it.
    builder.http1().timer(TokioTimer::new()).header_read_timeout(None).max_buf_size(MAX_HEAD);
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
