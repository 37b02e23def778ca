//! Server-sent events: long-lived responses, bounded in number, in what is buffered for a slow
//! client, and in how long they outlive the client's authorization.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::stream;
use poem::Body;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;

use super::problem::{Problem, ProblemCode};

/// Most streams of one instance. Each confirms its authorization with the database a few times a
/// second.
const MAX_STREAMS: usize = 256;
/// Chunks that are buffered for the client; the connection holds one more.
const MAX_BUFFERED: usize = 1;
/// Longest wait for the client to take a chunk.
const STALL_TIMEOUT: Duration = Duration::from_secs(10);
/// Time between two confirmations of the authorization. A revocation must take effect within a
/// second.
const CONFIRM_INTERVAL: Duration = Duration::from_millis(400);
/// When to retry after all permits were taken.
const RETRY_AFTER: Duration = Duration::from_secs(5);

/// The permits for streams, and the signal that ends all of them.
#[derive(Debug, Clone)]
pub struct Streams {
    permits: Arc<Semaphore>,
    stop: CancellationToken,
}

/// Why a stream ended. The client does the same in each case: it connects again and sends the last
/// id it got.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// The client closed the connection.
    Disconnected,
    /// The client does not read.
    Stalled,
    /// The service is stopping.
    Stopping,
    /// The client is no longer authorized, or that could not be confirmed.
    Unconfirmed,
    /// The next chunk could not be read.
    Failed,
}

impl Streams {
    /// All streams end when `stop` is cancelled.
    #[must_use]
    pub fn new(stop: CancellationToken) -> Self {
        Self { permits: Arc::new(Semaphore::new(MAX_STREAMS)), stop }
    }

    /// Acquire a permit for one stream.
    ///
    /// # Errors
    /// `overloaded` when all are taken.
    pub fn acquire(&self) -> Result<OwnedSemaphorePermit, Problem> {
        let permit = Arc::clone(&self.permits).try_acquire_owned();
        permit.map_err(|_full| Problem::new(ProblemCode::Overloaded).with_retry_after(RETRY_AFTER))
    }

    /// Open a stream: its body, and the writer of the body. The body ends when the writer is
    /// dropped.
    #[must_use]
    pub fn open(&self, permit: OwnedSemaphorePermit) -> (Writer, Body) {
        let (chunks, mut buffered) = mpsc::channel::<Bytes>(MAX_BUFFERED);
        let writer = Writer {
            chunks,
            stop: self.stop.clone(),
            confirmed: None,
            _permit: permit,
        };
        let body = stream::poll_fn(move |cx| buffered.poll_recv(cx).map(|chunk| chunk.map(Ok::<_, std::io::Error>)));
        (writer, Body::from_bytes_stream(body))
    }
}

/// Writes the body of a stream.
pub struct Writer {
    chunks: mpsc::Sender<Bytes>,
    stop: CancellationToken,
    /// When the last confirmation began. `None` at first: the request itself may have been
    /// authenticated by the session cache.
    confirmed: Option<Instant>,
    _permit: OwnedSemaphorePermit,
}

/// The authorization to read a stream.
pub trait Authorization {
    /// Whether the client is still authorized.
    fn confirm(&self) -> impl Future<Output = bool> + Send;
}

impl Writer {
    /// Send a chunk as soon as the client takes it.
    ///
    /// # Errors
    /// [`End`]
    pub async fn send(&mut self, chunk: Bytes, authorization: &impl Authorization) -> Result<(), End> {
        let since = Instant::now();
        loop {
            self.confirm(authorization).await?;
            let slot = tokio::select! {
                slot = self.chunks.reserve() => Some(slot.map_err(|_| End::Disconnected)?),
                () = self.stop.cancelled() => return Err(End::Stopping),
                () = sleep(CONFIRM_INTERVAL) => None,
            };
            if let Some(slot) = slot {
                slot.send(chunk);
                return Ok(());
            }
            if since.elapsed() > STALL_TIMEOUT {
                return Err(End::Stalled);
            }
        }
    }

    /// Wait for `event`, at most for `timeout`.
    ///
    /// # Errors
    /// [`End`]
    pub async fn wait(
        &mut self,
        event: impl Future<Output = ()>,
        timeout: Duration,
        authorization: &impl Authorization,
    ) -> Result<(), End> {
        tokio::select! {
            () = event => {}
            () = sleep(timeout) => {}
            () = self.stop.cancelled() => return Err(End::Stopping),
            () = self.chunks.closed() => return Err(End::Disconnected),
        }
        self.confirm(authorization).await
    }

    async fn confirm(&mut self, authorization: &impl Authorization) -> Result<(), End> {
        if self.confirmed.is_some_and(|at| at.elapsed() < CONFIRM_INTERVAL) {
            return Ok(());
        }
        let began = Instant::now();
        if !authorization.confirm().await {
            return Err(End::Unconfirmed);
        }
        self.confirmed = Some(began);
        Ok(())
    }
}
