//! A TCP proxy between the service and a server, which simulates network faults.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU16, AtomicU64, Ordering};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{mpsc, watch};
use tokio::task::{AbortHandle, JoinSet};
use tokio::time::{Instant, sleep, sleep_until};

/// The number of bytes of a slice.
const SLICE: usize = 64;
/// The pause after each slice.
const SLICE_PAUSE: Duration = Duration::from_millis(1);

/// A proxy of one server. Dropping it ends the proxy.
#[derive(Debug)]
pub(crate) struct Proxy {
    address: SocketAddr,
    shared: Arc<State>,
    accept: AbortHandle,
}

#[derive(Debug)]
struct State {
    /// The port of the server that new connections reach.
    upstream: AtomicU16,
    /// The delay of each chunk in each direction, in microseconds.
    latency: AtomicU64,
    /// Whether bytes from the server are discarded.
    drop_answers: AtomicBool,
    /// Whether bytes from the client are discarded.
    drop_requests: AtomicBool,
    /// `true` refuses connections. Every change to `true` ends the open ones.
    cut: watch::Sender<bool>,
    accepted: AtomicU64,
    open: AtomicU64,
    /// The number of the last connection that is silent.
    silent: AtomicU64,
    /// Whether everything is held back.
    stalled: watch::Sender<bool>,
    /// Whether bytes arrive in small slices.
    sliced: AtomicBool,
}

impl State {
    fn is_silent(&self, number: u64) -> bool {
        number <= self.silent.load(Ordering::Relaxed)
    }

    /// Never returns on a silent connection.
    async fn unless_silent(&self, number: u64) {
        if self.is_silent(number) {
            std::future::pending::<()>().await;
        }
    }

    /// Returns when nothing is held back.
    async fn unless_stalled(&self) {
        // The sender is a field of this state, so it lives.
        drop(self.stalled.subscribe().wait_for(|stalled| !stalled).await);
    }
}

#[derive(Clone, Copy)]
enum Direction {
    Requests,
    Answers,
}

impl Proxy {
    /// Starts a proxy of a port of 127.0.0.1, on a free port.
    pub(crate) async fn to(port: u16) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("bind the proxy");
        let address = listener.local_addr().expect("the proxy's address");
        let shared = Arc::new(State {
            upstream: AtomicU16::new(port),
            latency: AtomicU64::new(0),
            drop_answers: AtomicBool::new(false),
            drop_requests: AtomicBool::new(false),
            cut: watch::Sender::new(false),
            accepted: AtomicU64::new(0),
            open: AtomicU64::new(0),
            silent: AtomicU64::new(0),
            stalled: watch::Sender::new(false),
            sliced: AtomicBool::new(false),
        });
        let accept = tokio::spawn(accept(listener, Arc::clone(&shared))).abort_handle();
        Self { address, shared, accept }
    }

    /// Returns the port for clients.
    pub(crate) fn port(&self) -> u16 {
        self.address.port()
    }

    /// Delays everything by `latency` in each direction.
    pub(crate) fn set_latency(&self, latency: Duration) {
        self.shared
            .latency
            .store(u64::try_from(latency.as_micros()).expect("a short time"), Ordering::Relaxed);
    }

    /// Ends every connection, and refuses new ones until [`Proxy::heal`].
    pub(crate) fn cut(&self) {
        self.shared.cut.send_replace(true);
    }

    /// Ends every connection, and accepts new ones.
    pub(crate) fn reset_connections(&self) {
        self.shared.cut.send_replace(true);
        self.shared.cut.send_replace(false);
    }

    /// Discards the server's answers: requests take effect, and the client gets no answer.
    pub(crate) fn drop_answers(&self, on: bool) {
        self.shared.drop_answers.store(on, Ordering::Relaxed);
    }

    /// Discards the client's requests: the server gets nothing.
    pub(crate) fn drop_requests(&self, on: bool) {
        self.shared.drop_requests.store(on, Ordering::Relaxed);
    }

    /// Lets both hosts vanish for each other, without a word: nothing reaches the other side on the
    /// open connections any more, not even their end. New connections work.
    pub(crate) fn silence(&self) {
        self.shared.silent.store(self.shared.accepted.load(Ordering::Relaxed), Ordering::Relaxed);
    }

    /// Holds everything back in both directions, also on new connections. It arrives late, after
    /// `stall(false)` or [`Proxy::heal`].
    pub(crate) fn stall(&self, on: bool) {
        self.shared.stalled.send_replace(on);
    }

    /// Sends everything in slices of [`SLICE`] bytes.
    pub(crate) fn slice(&self, on: bool) {
        self.shared.sliced.store(on, Ordering::Relaxed);
    }

    /// Leads new connections to another port of 127.0.0.1. The open ones stay where they are.
    pub(crate) fn lead_to(&self, port: u16) {
        self.shared.upstream.store(port, Ordering::Relaxed);
    }

    /// Ends all faults. Connections that lost bytes stay broken; reset them if necessary.
    pub(crate) fn heal(&self) {
        self.set_latency(Duration::ZERO);
        self.drop_answers(false);
        self.drop_requests(false);
        self.slice(false);
        self.stall(false);
        // A change ends the open connections. Without a cut there is no change.
        self.shared.cut.send_if_modified(|cut| std::mem::replace(cut, false));
    }

    /// Returns the number of connections since the start.
    pub(crate) fn accepted(&self) -> u64 {
        self.shared.accepted.load(Ordering::Relaxed)
    }

    /// Returns the number of open connections.
    pub(crate) fn open(&self) -> u64 {
        self.shared.open.load(Ordering::Relaxed)
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.accept.abort();
    }
}

/// Accepts connections until the proxy is dropped, which ends them.
async fn accept(listener: TcpListener, shared: Arc<State>) {
    let mut connections = JoinSet::new();
    while let Ok((client, _)) = listener.accept().await {
        while connections.try_join_next().is_some() {}
        if *shared.cut.borrow() {
            continue;
        }
        let number = shared.accepted.fetch_add(1, Ordering::Relaxed) + 1;
        let shared = Arc::clone(&shared);
        // Subscribe before the task runs, so that it sees an immediate cut.
        let cut = shared.cut.subscribe();
        connections.spawn(async move {
            shared.open.fetch_add(1, Ordering::Relaxed);
            connection(client, &shared, number, cut).await;
            shared.open.fetch_sub(1, Ordering::Relaxed);
        });
    }
}

async fn connection(client: TcpStream, shared: &State, number: u64, mut cut: watch::Receiver<bool>) {
    let upstream = SocketAddr::from(([127, 0, 0, 1], shared.upstream.load(Ordering::Relaxed)));
    let Ok(server) = TcpStream::connect(upstream).await else {
        return;
    };
    drop(client.set_nodelay(true));
    drop(server.set_nodelay(true));
    let (client_read, client_write) = client.into_split();
    let (server_read, server_write) = server.into_split();
    tokio::select! {
        _ = cut.changed() => {}
        () = async {
            tokio::join!(
                pump(client_read, server_write, shared, number, Direction::Requests),
                pump(server_read, client_write, shared, number, Direction::Answers),
            );
        } => {}
    }
}

/// Copies one direction. Each chunk is delayed by the latency at its arrival.
async fn pump<R, W>(mut from: R, mut to: W, shared: &State, number: u64, direction: Direction)
where
    R: AsyncRead + Unpin,
    W: AsyncWrite + Unpin,
{
    let (queue, mut queued) = mpsc::channel::<(Instant, Vec<u8>)>(1024);
    let read = async move {
        let mut buffer = vec![0; 16 * 1024];
        while let Ok(length @ 1..) = from.read(&mut buffer).await {
            let swallow = match direction {
                Direction::Requests => &shared.drop_requests,
                Direction::Answers => &shared.drop_answers,
            };
            if swallow.load(Ordering::Relaxed) || shared.is_silent(number) {
                continue;
            }
            let due = Instant::now() + Duration::from_micros(shared.latency.load(Ordering::Relaxed));
            let chunk = buffer.iter().take(length).copied().collect();
            if queue.send((due, chunk)).await.is_err() {
                break;
            }
        }
        shared.unless_silent(number).await;
    };
    let write = async move {
        while let Some((due, chunk)) = queued.recv().await {
            sleep_until(due).await;
            shared.unless_stalled().await;
            shared.unless_silent(number).await;
            if write(&mut to, &chunk, shared.sliced.load(Ordering::Relaxed)).await.is_err() {
                break;
            }
        }
        drop(to.shutdown().await);
    };
    tokio::join!(read, write);
}

async fn write<W: AsyncWrite + Unpin>(to: &mut W, chunk: &[u8], sliced: bool) -> std::io::Result<()> {
    if !sliced {
        return to.write_all(chunk).await;
    }
    for slice in chunk.chunks(SLICE) {
        to.write_all(slice).await?;
        sleep(SLICE_PAUSE).await;
    }
    Ok(())
}
