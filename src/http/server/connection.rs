//! Drives one connection: hyper and the deadlines, in one task.

use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use hyper::body::Incoming;
use hyper::header::CONTENT_TYPE;
use hyper::service::service_fn;
use hyper::{Request, Response, Version};
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use poem::Endpoint;
use poem::http::StatusCode;
use poem::http::uri::Scheme;
use poem::web::{LocalAddr, RemoteAddr};
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::{Instant, Sleep, sleep_until, timeout};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;
use tokio_util::sync::CancellationToken;

use super::bare_errors::BareErrors;
use super::deadlines::{ConnectionDeadlines, WaitingFor};
use super::io::Socket;
use super::tracked::{InFlight, Tracked};
use super::{AnswerUnparsed, ServerSettings};

/// The time to a deadline that stands for none.
const FAR: Duration = Duration::from_secs(24 * 3600);

/// The first byte of TLS: a record with a part of a handshake (RFC 8446 section 5.1).
const TLS_HANDSHAKE: [u8; 1] = [22];

/// What all connections share.
pub(super) struct Server<E> {
    pub(super) endpoint: E,
    pub(super) builder: auto::Builder<TokioExecutor>,
    pub(super) settings: ServerSettings,
    /// What begins TLS on each connection; `None` for plain HTTP.
    pub(super) tls: Option<TlsAcceptor>,
    pub(super) local: Option<SocketAddr>,
    /// Finish the requests in flight and close.
    pub(super) stop: CancellationToken,
    /// Close now.
    pub(super) kill: CancellationToken,
}

impl<E: Endpoint<Output = poem::Response> + AnswerUnparsed + 'static> Server<E> {
    /// Serve one connection until it ends.
    pub(super) async fn drive(self: Arc<Self>, socket: TcpStream, peer: SocketAddr) {
        let deadlines = Arc::new(ConnectionDeadlines::new(Instant::now()));
        let Some(tls) = &self.tls else {
            let socket = Socket::new(socket, Arc::clone(&deadlines));
            return self.serve(socket, peer, deadlines).await;
        };
        // The handshake and the first head have to arrive in the time of a head.
        let handshake = timeout(self.settings.header_timeout, self.begin_tls(tls, socket, peer, &deadlines));
        let stream = tokio::select! {
            () = self.stop.cancelled() => return,
            stream = handshake => stream,
        };
        match stream {
            Ok(Ok(Some(stream))) => self.serve(stream, peer, deadlines).await,
            Ok(Ok(None)) => {}
            Ok(Err(error)) => tracing::debug!(%error, "TLS handshake failed"),
            Err(_elapsed) => tracing::debug!("TLS handshake timed out"),
        }
    }

    /// Begin TLS; `None` for a client that speaks something else and got an answer that says so.
    async fn begin_tls(
        &self,
        tls: &TlsAcceptor,
        socket: TcpStream,
        peer: SocketAddr,
        deadlines: &Arc<ConnectionDeadlines>,
    ) -> io::Result<Option<TlsStream<Socket>>> {
        let mut first = [0];
        let count = socket.peek(&mut first).await?;
        let mut socket = Socket::new(socket, Arc::clone(deadlines));
        if count == 0 || first == TLS_HANDSHAKE {
            return tls.accept(socket).await.map(Some);
        }
        let answer = self.endpoint.answer_unparsed(StatusCode::BAD_REQUEST, peer);
        socket.write_all(&bytes_of(answer)).await?;
        socket.shutdown().await?;
        Ok(None)
    }

    async fn serve<IO>(self: &Arc<Self>, io: IO, peer: SocketAddr, deadlines: Arc<ConnectionDeadlines>)
    where
        IO: AsyncRead + AsyncWrite + Send + Unpin + 'static,
    {
        let server = Arc::clone(self);
        let answer = Arc::new(move |status| bytes_of(server.endpoint.answer_unparsed(status, peer)));
        let io = TokioIo::new(BareErrors::new(io, answer));
        let service = service_fn(|request| {
            let in_flight = InFlight::begin(Arc::clone(&deadlines), request.version() == Version::HTTP_2);
            Arc::clone(self).answer(request, peer, in_flight)
        });
        let mut connection = pin!(self.builder.serve_connection(io, service));
        let mut timer = pin!(sleep_until(deadlines.due(&self.settings).map_or_else(far, |(at, _)| at)));
        // Child tokens, since polling a token takes its lock, which connections should not share.
        let (stop, kill) = (self.stop.child_token(), self.kill.child_token());
        let (mut stop, mut kill) = (pin!(stop.cancelled()), pin!(kill.cancelled()));
        let mut stopping = false;

        std::future::poll_fn(|cx| {
            loop {
                if !stopping && stop.as_mut().poll(cx).is_ready() {
                    stopping = true;
                    connection.as_mut().graceful_shutdown();
                    deadlines.close();
                }
                if kill.as_mut().poll(cx).is_ready() || connection.as_mut().poll(cx).is_ready() {
                    return Poll::Ready(());
                }
                match overdue(&deadlines, &self.settings, timer.as_mut(), cx) {
                    None => return Poll::Pending,
                    Some(WaitingFor::Request) => {
                        connection.as_mut().graceful_shutdown();
                        deadlines.close();
                    }
                    Some(waiting_for) => {
                        tracing::debug!(?waiting_for, "connection timed out");
                        return Poll::Ready(());
                    }
                }
            }
        })
        .await;
    }

    async fn answer<B>(
        self: Arc<Self>,
        request: Request<Incoming>,
        peer: SocketAddr,
        mut in_flight: InFlight,
    ) -> Result<Response<Tracked<B>>, Infallible>
    where
        Response<B>: From<poem::Response>,
    {
        let local = self.local.map_or_else(LocalAddr::default, |local| LocalAddr(local.into()));
        let scheme = if self.tls.is_some() {
            Scheme::HTTPS
        } else {
            Scheme::HTTP
        };
        let request = (request, local, RemoteAddr(peer.into()), scheme).into();
        let response: Response<B> = self.endpoint.get_response(request).await.into();
        if response
            .headers()
            .get(CONTENT_TYPE)
            .is_some_and(|value| value.as_bytes().starts_with(b"text/event-stream"))
        {
            in_flight.streams();
        } else {
            in_flight.sends();
        }
        Ok(response.map(|body| Tracked::new(body, in_flight)))
    }
}

/// A response of HTTP/1.1 after which the connection closes.
fn bytes_of(response: poem::http::Response<Vec<u8>>) -> Bytes {
    let (parts, body) = response.into_parts();
    let status = parts.status;
    let mut bytes = format!(
        "HTTP/1.1 {} {}\r\nconnection: close\r\ncontent-length: {}\r\n",
        status.as_u16(),
        status.canonical_reason().unwrap_or_default(),
        body.len(),
    )
    .into_bytes();
    for (name, value) in &parts.headers {
        for part in [name.as_str().as_bytes(), b": ", value.as_bytes(), b"\r\n"] {
            bytes.extend_from_slice(part);
        }
    }
    bytes.extend_from_slice(b"\r\n");
    bytes.extend_from_slice(&body);
    bytes.into()
}

/// Return what has taken too long, or set the timer to the next deadline.
fn overdue(
    deadlines: &ConnectionDeadlines,
    settings: &ServerSettings,
    mut timer: Pin<&mut Sleep>,
    cx: &mut Context<'_>,
) -> Option<WaitingFor> {
    let due = deadlines.due(settings);
    let at = due.map_or_else(far, |(at, _)| at);
    // Resetting a timer is expensive: it is only set to an earlier deadline, and to a later one
    // when it has fired.
    if at < timer.deadline() {
        timer.as_mut().reset(at);
    }
    while timer.as_mut().poll(cx).is_ready() {
        match due {
            Some((at, waiting_for)) if at <= Instant::now() => return Some(waiting_for),
            _ => timer.as_mut().reset(at),
        }
    }
    None
}

fn far() -> Instant {
    Instant::now() + FAR
}
