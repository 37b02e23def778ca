//! Responses that go on: bounded in number, in what waits for a slow client, and in how long they outlive the right to them.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::stream;
use poem::Body;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;

use super::problem::{Problem, ProblemCode};

/// Most streams at once on one instance. Each confirms its right to read with the database a few times a second.
const MOST: usize = 256;
/// Pieces that wait for the client; one more is in the hands of the connection.
const WAITING: usize = 1;
/// How long a client may leave a piece untouched.
const PATIENCE: Duration = Duration::from_secs(10);
/// How long a confirmation of the right to read is good for. A revocation has to show within a second.
const CONFIRMED_FOR: Duration = Duration::from_millis(400);

/// The places for streams, and the sign for all of them to end.
#[derive(Debug, Clone)]
pub struct Streams {
    places: Arc<Semaphore>,
    stop: CancellationToken,
}

/// Why a stream ends. All are the same to the client: it comes back and says how far it got.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// The client has gone.
    Gone,
    /// The client does not read.
    Slow,
    /// The service stops.
    Stopping,
    /// The right to read has ended, or nobody can confirm it.
    Unconfirmed,
    /// The next piece could not be read.
    Failed,
}

impl Streams {
    /// Places for streams that end with `stop`.
    #[must_use]
    pub fn new(stop: CancellationToken) -> Self {
        Self {
            places: Arc::new(Semaphore::new(MOST)),
            stop,
        }
    }

    /// A place for one more.
    ///
    /// # Errors
    /// `overloaded` when there is none.
    pub fn enter(&self) -> Result<OwnedSemaphorePermit, Problem> {
        let place = Arc::clone(&self.places).try_acquire_owned();
        place.map_err(|_full| Problem::new(ProblemCode::Overloaded).with_retry_after(Duration::from_secs(5)))
    }

    /// A body, and what writes it. The body ends when the writer is dropped.
    #[must_use]
    pub fn open(&self, place: OwnedSemaphorePermit) -> (Writer, Body) {
        let (pieces, mut waiting) = mpsc::channel::<Bytes>(WAITING);
        let writer = Writer {
            pieces,
            stop: self.stop.clone(),
            confirmed: None,
            _place: place,
        };
        let body = stream::poll_fn(move |cx| waiting.poll_recv(cx).map(|piece| piece.map(Ok::<_, std::io::Error>)));
        (writer, Body::from_bytes_stream(body))
    }
}

/// Writes the body of a stream.
pub struct Writer {
    pieces: mpsc::Sender<Bytes>,
    stop: CancellationToken,
    /// When the right to read was confirmed; a little earlier, since the answer took its time. The request itself may have been
    /// believed for what was remembered.
    confirmed: Option<Instant>,
    _place: OwnedSemaphorePermit,
}

/// Asks whether the client still may read.
pub trait Confirm {
    /// True when it may.
    fn confirm(&self) -> impl Future<Output = bool> + Send;
}

impl Writer {
    /// Sends a piece as soon as the client takes it.
    ///
    /// # Errors
    /// [`End`] when there is no point in going on.
    pub async fn send(&mut self, piece: Bytes, right: &impl Confirm) -> Result<(), End> {
        let since = Instant::now();
        loop {
            self.confirm(right).await?;
            let place = tokio::select! {
                place = self.pieces.reserve() => Some(place.map_err(|_| End::Gone)?),
                () = self.stop.cancelled() => return Err(End::Stopping),
                () = sleep(CONFIRMED_FOR) => None,
            };
            if let Some(place) = place {
                place.send(piece);
                return Ok(());
            }
            if since.elapsed() > PATIENCE {
                return Err(End::Slow);
            }
        }
    }

    /// Waits for `event`, but not longer than `most`.
    ///
    /// # Errors
    /// [`End`] when there is no point in waiting.
    pub async fn wait(
        &mut self,
        event: impl Future<Output = ()>,
        most: Duration,
        right: &impl Confirm,
    ) -> Result<(), End> {
        tokio::select! {
            () = event => {}
            () = sleep(most) => {}
            () = self.stop.cancelled() => return Err(End::Stopping),
            () = self.pieces.closed() => return Err(End::Gone),
        }
        self.confirm(right).await
    }

    async fn confirm(&mut self, right: &impl Confirm) -> Result<(), End> {
        if self.confirmed.is_some_and(|at| at.elapsed() < CONFIRMED_FOR) {
            return Ok(());
        }
        let asked = Instant::now();
        if !right.confirm().await {
            return Err(End::Unconfirmed);
        }
        self.confirmed = Some(asked);
        Ok(())
    }
}
