//! A TCP proxy between the service and a server, which makes the network bad on demand.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{mpsc, watch};
use tokio::task::{AbortHandle, JoinSet};
use tokio::time::{Instant, sleep_until};

/// A proxy in front of one server. It ends when this is dropped.
#[derive(Debug)]
pub(crate) struct Proxy {
    address: SocketAddr,
    shared: Arc<Shared>,
    accept: AbortHandle,
}

#[derive(Debug)]
struct Shared {
    upstream: SocketAddr,
    /// Microseconds that each chunk is held back, each way.
    latency: AtomicU64,
    /// Bytes from the server are read and thrown away.
    drop_answers: AtomicBool,
    /// Bytes from the client are read and thrown away.
    drop_requests: AtomicBool,
    /// `true`: connections are refused; every change to `true` ends those that are open.
    cut: watch::Sender<bool>,
    accepted: AtomicU64,
    open: AtomicU64,
}

#[derive(Clone, Copy)]
enum Direction {
    Requests,
    Answers,
}

impl Proxy {
    /// Starts a proxy to a port of 127.0.0.1, on a port of its own.
    pub(crate) async fn to(port: u16) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("bind the proxy");
        let address = listener.local_addr().expect("the proxy's address");
        let shared = Arc::new(Shared {
            upstream: SocketAddr::from(([127, 0, 0, 1], port)),
            latency: AtomicU64::new(0),
            drop_answers: AtomicBool::new(false),
            drop_requests: AtomicBool::new(false),
            cut: watch::Sender::new(false),
            accepted: AtomicU64::new(0),
            open: AtomicU64::new(0),
        });
        let accept = tokio::spawn(accept(listener, Arc::clone(&shared))).abort_handle();
        Self {
            address,
            shared,
            accept,
        }
    }

    /// The port that clients connect to.
    pub(crate) fn port(&self) -> u16 {
        self.address.port()
    }

    /// Holds everything back by `latency`, in each direction.
    pub(crate) fn set_latency(&self, latency: Duration) {
        self.shared.latency.store(
            u64::try_from(latency.as_micros()).expect("a short time"),
            Ordering::Relaxed,
        );
    }

    /// Ends every connection and takes no new one until [`Proxy::heal`].
    pub(crate) fn cut(&self) {
        self.shared.cut.send_replace(true);
    }

    /// Ends every connection; new ones are welcome.
    pub(crate) fn reset_connections(&self) {
        self.shared.cut.send_replace(true);
        self.shared.cut.send_replace(false);
    }

    /// Swallows what the server answers: requests arrive and take effect, the client never hears of it.
    pub(crate) fn drop_answers(&self, on: bool) {
        self.shared.drop_answers.store(on, Ordering::Relaxed);
    }

    /// Swallows what the client sends: the server never hears of it.
    pub(crate) fn drop_requests(&self, on: bool) {
        self.shared.drop_requests.store(on, Ordering::Relaxed);
    }

    /// A perfect network again. Connections that lost bytes stay broken: reset them when that matters.
    pub(crate) fn heal(&self) {
        self.set_latency(Duration::ZERO);
        self.drop_answers(false);
        self.drop_requests(false);
        // A change ends the open connections: none when there was no cut.
        self.shared.cut.send_if_modified(|cut| std::mem::replace(cut, false));
    }

    /// How many connections were made since the start.
    pub(crate) fn accepted(&self) -> u64 {
        self.shared.accepted.load(Ordering::Relaxed)
    }

    /// How many connections are open now.
    pub(crate) fn open(&self) -> u64 {
        self.shared.open.load(Ordering::Relaxed)
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.accept.abort();
    }
}

/// Takes connections until the proxy is dropped; the connections end with it.
async fn accept(listener: TcpListener, shared: Arc<Shared>) {
    let mut connections = JoinSet::new();
    while let Ok((client, _)) = listener.accept().await {
        while connections.try_join_next().is_some() {}
        if *shared.cut.borrow() {
            continue;
        }
        shared.accepted.fetch_add(1, Ordering::Relaxed);
        let shared = Arc::clone(&shared);
        // Subscribed before the task runs, so that a cut that follows at once is seen.
        let cut = shared.cut.subscribe();
        connections.spawn(async move {
            shared.open.fetch_add(1, Ordering::Relaxed);
            connection(client, &shared, cut).await;
            shared.open.fetch_sub(1, Ordering::Relaxed);
        });
    }
}

async fn connection(client: TcpStream, shared: &Shared, mut cut: watch::Receiver<bool>) {
    let Ok(server) = TcpStream::connect(shared.upstream).await else {
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
                pump(client_read, server_write, shared, Direction::Requests),
                pump(server_read, client_write, shared, Direction::Answers),
            );
        } => {}
    }
}

/// Copies one direction, each chunk held back by the latency that held when it arrived.
async fn pump<R, W>(mut from: R, mut to: W, shared: &Shared, direction: Direction)
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
            if swallow.load(Ordering::Relaxed) {
                continue;
            }
            let due = Instant::now() + Duration::from_micros(shared.latency.load(Ordering::Relaxed));
            let chunk = buffer.iter().take(length).copied().collect();
            if queue.send((due, chunk)).await.is_err() {
                break;
            }
        }
    };
    let write = async move {
        while let Some((due, chunk)) = queued.recv().await {
            sleep_until(due).await;
            if to.write_all(&chunk).await.is_err() {
                break;
            }
        }
        drop(to.shutdown().await);
    };
    tokio::join!(read, write);
}
