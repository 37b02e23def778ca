//! One connection: hyper's half of the work and the pulse's, driven together.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll};

use hyper::body::Incoming;
use hyper::header::CONTENT_TYPE;
use hyper::service::service_fn;
use hyper::{Request, Response, Version};
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use poem::Endpoint;
use poem::http::uri::Scheme;
use poem::web::{LocalAddr, RemoteAddr};
use tokio::net::TcpStream;
use tokio::time::{Instant, Sleep, sleep_until};
use tokio_util::sync::CancellationToken;

use super::ServerSettings;
use super::deadlines::{ConnectionDeadlines, WaitingFor};
use super::io::Socket;
use super::tracked::{InFlight, Tracked};

/// Any moment that is far enough away.
const FAR: std::time::Duration = std::time::Duration::from_secs(24 * 3600);

/// What all connections have in common.
pub(super) struct Shared<E> {
    pub(super) endpoint: E,
    pub(super) builder: auto::Builder<TokioExecutor>,
    pub(super) settings: ServerSettings,
    pub(super) local: Option<SocketAddr>,
    /// Finish what is in flight and close.
    pub(super) stop: CancellationToken,
    /// Close now.
    pub(super) kill: CancellationToken,
}

impl<E: Endpoint<Output = poem::Response> + 'static> Shared<E> {
    /// Serves one connection to its end.
    pub(super) async fn drive(self: Arc<Self>, socket: TcpStream, peer: SocketAddr) {
        let pulse = Arc::new(ConnectionDeadlines::new(Instant::now()));
        let io = TokioIo::new(Socket::new(socket, Arc::clone(&pulse)));
        let service = service_fn(|request| {
            let in_flight = InFlight::begin(Arc::clone(&pulse), request.version() == Version::HTTP_2);
            Arc::clone(&self).answer(request, peer, in_flight)
        });
        let mut connection = pin!(self.builder.serve_connection(io, service));
        let mut timer = pin!(sleep_until(pulse.due(&self.settings).map_or_else(far, |(at, _)| at)));
        // Children: looking at a token takes its lock, which connections should not share.
        let (stop, kill) = (self.stop.child_token(), self.kill.child_token());
        let (mut stop, mut kill) = (pin!(stop.cancelled()), pin!(kill.cancelled()));
        let mut stopping = false;

        std::future::poll_fn(|cx| {
            loop {
                if !stopping && stop.as_mut().poll(cx).is_ready() {
                    stopping = true;
                    connection.as_mut().graceful_shutdown();
                    pulse.close();
                }
                if kill.as_mut().poll(cx).is_ready() || connection.as_mut().poll(cx).is_ready() {
                    return Poll::Ready(());
                }
                match overdue(&pulse, &self.settings, timer.as_mut(), cx) {
                    None => return Poll::Pending,
                    Some(WaitingFor::Request) => {
                        connection.as_mut().graceful_shutdown();
                        pulse.close();
                    }
                    Some(wait) => {
                        tracing::debug!(?wait, "a connection took too long");
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
        let local = self
            .local
            .map_or_else(LocalAddr::default, |local| LocalAddr(local.into()));
        let request = (request, local, RemoteAddr(peer.into()), Scheme::HTTP).into();
        let response: Response<B> = self.endpoint.get_response(request).await.into();
        if response
            .headers()
            .get(CONTENT_TYPE)
            .is_some_and(|value| value.as_bytes().starts_with(b"text/event-stream"))
        {
            in_flight.streams();
        }
        Ok(response.map(|body| Tracked::new(body, in_flight)))
    }
}

/// What has taken too long, if anything has; else sets the timer to when something will have.
fn overdue(
    pulse: &ConnectionDeadlines,
    settings: &ServerSettings,
    mut timer: Pin<&mut Sleep>,
    cx: &mut Context<'_>,
) -> Option<WaitingFor> {
    let due = pulse.due(settings);
    let at = due.map_or_else(far, |(at, _)| at);
    // The timer is only ever moved forward here, and back when it has gone off: most of the time it stays where it is.
    if at < timer.deadline() {
        timer.as_mut().reset(at);
    }
    while timer.as_mut().poll(cx).is_ready() {
        match due {
            Some((at, wait)) if at <= Instant::now() => return Some(wait),
            _ => timer.as_mut().reset(at),
        }
    }
    None
}

fn far() -> Instant {
    Instant::now() + FAR
}
