//! What a connection is waiting for, and since when.
//!
//! Written by whoever touches the connection (its socket, its requests, their bodies), read by the one task that drives it.
//! Times are microseconds since the connection began, so that one atomic word holds each.

use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use tokio::time::Instant;

use super::ServerSettings;

/// No such moment. Nothing happens at the connection's very first microsecond but its beginning.
const NEVER: u64 = 0;
/// How long a closing connection waits for the client to close as well.
const LINGER: Duration = Duration::from_secs(1);
/// How long a connection may take to close after it was asked to, when no request is running but streams of events.
const CLOSING: Duration = Duration::from_secs(1);

/// The state of one connection.
#[derive(Debug)]
pub(super) struct ConnectionDeadlines {
    began: Instant,
    /// Whether a request has arrived whole.
    served: AtomicBool,
    http2: AtomicBool,
    /// Requests that were taken and whose response has not left completely, without the ones that stream events.
    plain: AtomicU32,
    /// Responses that stream events.
    streaming: AtomicU32,
    /// The last time a request began or ended.
    progress: AtomicU64,
    /// Since when bytes of a request head are arriving.
    head: AtomicU64,
    /// Since when the socket takes no more bytes.
    blocked: AtomicU64,
    /// Since when the connection is being closed: by us for idleness or shutdown, or because it is done.
    closing: AtomicU64,
    /// Since when our side is closed and the client's is not.
    lingering: AtomicU64,
}

/// What a connection is waiting for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum WaitingFor {
    /// The whole head of a request.
    Head,
    /// The next request.
    Request,
    /// The client to read.
    Reader,
    /// Requests to finish.
    Transfer,
    /// The end.
    Close,
}

impl ConnectionDeadlines {
    pub(super) fn new(began: Instant) -> Self {
        Self {
            began,
            served: AtomicBool::new(false),
            http2: AtomicBool::new(false),
            plain: AtomicU32::new(0),
            streaming: AtomicU32::new(0),
            progress: AtomicU64::new(NEVER),
            head: AtomicU64::new(NEVER),
            blocked: AtomicU64::new(NEVER),
            closing: AtomicU64::new(NEVER),
            lingering: AtomicU64::new(NEVER),
        }
    }

    /// What is being waited for and how long at most; `None` when it may take for ever.
    pub(super) fn due(&self, settings: &ServerSettings) -> Option<(Instant, WaitingFor)> {
        let busy = self.plain.load(Relaxed) > 0;
        let wait = if let Some(since) = self.at(&self.lingering) {
            (since + LINGER, WaitingFor::Close)
        } else if let Some(since) = self.at(&self.blocked) {
            (self.reader_due(since, settings), WaitingFor::Reader)
        } else if busy {
            (
                self.at(&self.progress)? + settings.transfer_timeout,
                WaitingFor::Transfer,
            )
        } else if let Some(since) = self.at(&self.closing) {
            // From the end of the last request: its answer may still be on its way to the socket.
            (
                self.at(&self.progress).map_or(since, |ended| since.max(ended)) + CLOSING,
                WaitingFor::Close,
            )
        } else if self.streaming.load(Relaxed) > 0 {
            return None;
        } else if !self.served.load(Relaxed) {
            (self.began + settings.header_timeout, WaitingFor::Head)
        } else if let Some(since) = self.at(&self.head) {
            (since + settings.header_timeout, WaitingFor::Head)
        } else {
            (self.at(&self.progress)? + settings.idle_timeout, WaitingFor::Request)
        };
        Some(wait)
    }

    /// Until when a client that reads slowly is borne with. hyper takes a body into its own buffer whole, so that a response counts
    /// as gone before it is: the last request's end is where its sending began.
    fn reader_due(&self, blocked: Instant, settings: &ServerSettings) -> Instant {
        let stalled = blocked + settings.stall_timeout;
        match self.at(&self.progress) {
            Some(ended) if self.streaming.load(Relaxed) == 0 => stalled.min(ended + settings.transfer_timeout),
            _ => stalled,
        }
    }

    /// A request has arrived.
    pub(super) fn request_began(&self, http2: bool) {
        self.plain.fetch_add(1, Relaxed);
        self.http2.store(http2, Relaxed);
        self.served.store(true, Relaxed);
        self.head.store(NEVER, Relaxed);
        self.progress.store(self.now(), Relaxed);
    }

    /// A request's response turned out to stream events: it may take as long as it likes.
    pub(super) fn request_streams(&self) {
        self.streaming.fetch_add(1, Relaxed);
        self.plain.fetch_sub(1, Relaxed);
    }

    /// A response has left, or its client has.
    pub(super) fn request_ended(&self, streamed: bool) {
        let count = if streamed { &self.streaming } else { &self.plain };
        self.progress.store(self.now(), Relaxed);
        count.fetch_sub(1, Relaxed);
    }

    /// Bytes came in. Between two requests of HTTP/1 they are the beginning of the next head; HTTP/2 also sends other frames there.
    pub(super) fn bytes_came(&self) {
        let between = self.plain.load(Relaxed) == 0 && self.served.load(Relaxed) && !self.http2.load(Relaxed);
        if between && self.head.load(Relaxed) == NEVER {
            self.head.store(self.now(), Relaxed);
        }
    }

    /// Whether the socket took what was written to it.
    pub(super) fn wrote(&self, taken: bool) {
        if taken {
            if self.blocked.load(Relaxed) != NEVER {
                self.blocked.store(NEVER, Relaxed);
            }
        } else if self.blocked.load(Relaxed) == NEVER {
            self.blocked.store(self.now(), Relaxed);
        }
    }

    /// The connection was asked to close.
    pub(super) fn close(&self) {
        if self.closing.load(Relaxed) == NEVER {
            self.closing.store(self.now(), Relaxed);
        }
    }

    /// Our side is closed.
    pub(super) fn linger(&self) {
        self.blocked.store(NEVER, Relaxed);
        if self.lingering.load(Relaxed) == NEVER {
            self.lingering.store(self.now(), Relaxed);
        }
    }

    fn now(&self) -> u64 {
        u64::try_from(self.began.elapsed().as_micros())
            .unwrap_or(u64::MAX)
            .max(NEVER + 1)
    }

    fn at(&self, moment: &AtomicU64) -> Option<Instant> {
        match moment.load(Relaxed) {
            NEVER => None,
            micros => Some(self.began + Duration::from_micros(micros)),
        }
    }
}
