//! The deadlines of a connection: what it waits for, and since when.
//!
//! The socket, the requests and their bodies write them; the task that drives the connection reads
//! them. Moments are microseconds since the connection began, so that each fits into one atomic
//! word.

use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use tokio::time::Instant;

use super::ServerSettings;

/// No moment. Only the beginning of the connection is at its microsecond 0.
const NEVER: u64 = 0;
/// Longest wait for the client to close its side after ours is closed.
const LINGER_TIMEOUT: Duration = Duration::from_secs(1);
/// Longest time until a connection is closed when it has no requests in flight but event streams.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(1);

/// What one connection waits for, since when.
#[derive(Debug)]
pub(super) struct ConnectionDeadlines {
    began: Instant,
    /// Whether the head of a request has arrived.
    served: AtomicBool,
    http2: AtomicBool,
    /// Requests in flight: their response is not sent completely. Without those that stream events.
    in_flight: AtomicU32,
    /// Those of them whose response has begun.
    sending: AtomicU32,
    /// Responses that stream events.
    streaming: AtomicU32,
    /// When a request last began or ended, or a part of a response was taken.
    last_progress: AtomicU64,
    /// Since when a request head is arriving.
    head_since: AtomicU64,
    /// Since when the socket takes no bytes.
    blocked_since: AtomicU64,
    /// Since when the connection is closing, idle or because of a shutdown.
    closing_since: AtomicU64,
    /// Since when our side is closed and the client's is not.
    lingering_since: AtomicU64,
}

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
    /// The client to close.
    Close,
}

/// How far a request is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Phase {
    Answering,
    Sending,
    /// Sends events for as long as the client reads them.
    Streaming,
}

impl ConnectionDeadlines {
    pub(super) fn new(began: Instant) -> Self {
        Self {
            began,
            served: AtomicBool::new(false),
            http2: AtomicBool::new(false),
            in_flight: AtomicU32::new(0),
            sending: AtomicU32::new(0),
            streaming: AtomicU32::new(0),
            last_progress: AtomicU64::new(NEVER),
            head_since: AtomicU64::new(NEVER),
            blocked_since: AtomicU64::new(NEVER),
            closing_since: AtomicU64::new(NEVER),
            lingering_since: AtomicU64::new(NEVER),
        }
    }

    /// The next deadline and what it is for; `None` when there is none.
    pub(super) fn due(&self, settings: &ServerSettings) -> Option<(Instant, WaitingFor)> {
        let busy = self.in_flight.load(Relaxed) > 0;
        let due = if let Some(since) = self.at(&self.lingering_since) {
            (since + LINGER_TIMEOUT, WaitingFor::Close)
        } else if let Some(since) = self.at(&self.blocked_since) {
            (self.reader_due(since, settings), WaitingFor::Reader)
        } else if busy {
            (self.at(&self.last_progress)? + self.longest_transfer(settings), WaitingFor::Transfer)
        } else if let Some(since) = self.at(&self.closing_since) {
            // From the end of the last request, whose response may not have reached the socket.
            (
                self.at(&self.last_progress).map_or(since, |ended| since.max(ended)) + CLOSE_TIMEOUT,
                WaitingFor::Close,
            )
        } else if self.streaming.load(Relaxed) > 0 {
            return None;
        } else if !self.served.load(Relaxed) {
            (self.began + settings.header_timeout, WaitingFor::Head)
        } else if let Some(since) = self.at(&self.head_since) {
            (since + settings.header_timeout, WaitingFor::Head)
        } else {
            (self.at(&self.last_progress)? + settings.idle_timeout, WaitingFor::Request)
        };
        Some(due)
    }

    /// How long requests may be in flight without progress. A client of HTTP/2 can stop a response
    /// while the socket still takes bytes, by a window that it never opens.
    fn longest_transfer(&self, settings: &ServerSettings) -> Duration {
        let only_sending = self.sending.load(Relaxed) >= self.in_flight.load(Relaxed);
        if only_sending && self.http2.load(Relaxed) {
            settings.stall_timeout.min(settings.transfer_timeout)
        } else {
            settings.transfer_timeout
        }
    }

    /// The deadline of a client that reads slowly. hyper buffers a whole body, so that a response
    /// counts as sent before it is: sending began at the end of the last request.
    fn reader_due(&self, blocked: Instant, settings: &ServerSettings) -> Instant {
        let stalled = blocked + settings.stall_timeout;
        match self.at(&self.last_progress) {
            Some(ended) if self.streaming.load(Relaxed) == 0 => stalled.min(ended + settings.transfer_timeout),
            _ => stalled,
        }
    }

    /// Note that a request has arrived.
    pub(super) fn request_began(&self, http2: bool) {
        self.in_flight.fetch_add(1, Relaxed);
        self.http2.store(http2, Relaxed);
        self.served.store(true, Relaxed);
        self.head_since.store(NEVER, Relaxed);
        self.last_progress.store(self.now(), Relaxed);
    }

    /// Note that a response has begun.
    pub(super) fn response_began(&self) {
        self.sending.fetch_add(1, Relaxed);
        self.progressed();
    }

    /// Note that a part of a response was taken.
    pub(super) fn progressed(&self) {
        self.last_progress.store(self.now(), Relaxed);
    }

    /// Note that a response streams events, so that it has no deadline.
    pub(super) fn request_streams(&self) {
        self.streaming.fetch_add(1, Relaxed);
        self.in_flight.fetch_sub(1, Relaxed);
    }

    /// Note that a response was sent, or that its client has disconnected.
    pub(super) fn request_ended(&self, phase: Phase) {
        self.progressed();
        match phase {
            Phase::Answering => self.in_flight.fetch_sub(1, Relaxed),
            Phase::Sending => {
                self.sending.fetch_sub(1, Relaxed);
                self.in_flight.fetch_sub(1, Relaxed)
            }
            Phase::Streaming => self.streaming.fetch_sub(1, Relaxed),
        };
    }

    /// Note that bytes were read. Between two requests of HTTP/1 they begin the next head; HTTP/2
    /// also sends other frames there.
    pub(super) fn bytes_read(&self) {
        let between = self.in_flight.load(Relaxed) == 0 && self.served.load(Relaxed) && !self.http2.load(Relaxed);
        if between && self.head_since.load(Relaxed) == NEVER {
            self.head_since.store(self.now(), Relaxed);
        }
    }

    /// Note whether the socket took what was written to it.
    pub(super) fn wrote(&self, taken: bool) {
        if taken {
            if self.blocked_since.load(Relaxed) != NEVER {
                self.blocked_since.store(NEVER, Relaxed);
            }
        } else if self.blocked_since.load(Relaxed) == NEVER {
            self.blocked_since.store(self.now(), Relaxed);
        }
    }

    /// Note that the connection is closing.
    pub(super) fn close(&self) {
        if self.closing_since.load(Relaxed) == NEVER {
            self.closing_since.store(self.now(), Relaxed);
        }
    }

    /// Note that our side is closed.
    pub(super) fn linger(&self) {
        self.blocked_since.store(NEVER, Relaxed);
        if self.lingering_since.load(Relaxed) == NEVER {
            self.lingering_since.store(self.now(), Relaxed);
        }
    }

    fn now(&self) -> u64 {
        u64::try_from(self.began.elapsed().as_micros()).unwrap_or(u64::MAX).max(NEVER + 1)
    }

    fn at(&self, moment: &AtomicU64) -> Option<Instant> {
        match moment.load(Relaxed) {
            NEVER => None,
            micros => Some(self.began + Duration::from_micros(micros)),
        }
    }
}
