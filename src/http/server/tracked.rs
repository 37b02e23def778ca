//! Tracks a request in flight, from its arrival to the last byte of its response.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use hyper::body::{Body, Frame, SizeHint};

use super::deadlines::{ConnectionDeadlines, Phase};

/// Counts one request until it is dropped.
pub(super) struct InFlight {
    deadlines: Arc<ConnectionDeadlines>,
    phase: Phase,
}

impl InFlight {
    pub(super) fn begin(deadlines: Arc<ConnectionDeadlines>, http2: bool) -> Self {
        deadlines.request_began(http2);
        Self { deadlines, phase: Phase::Answering }
    }

    /// Note that the response begins.
    pub(super) fn sends(&mut self) {
        self.phase = Phase::Sending;
        self.deadlines.response_began();
    }

    /// Note that the response begins, and streams events.
    pub(super) fn streams(&mut self) {
        self.phase = Phase::Streaming;
        self.deadlines.request_streams();
    }
}

impl Drop for InFlight {
    fn drop(&mut self) {
        self.deadlines.request_ended(self.phase);
    }
}

/// A response body that keeps its request in flight.
pub(super) struct Tracked<B> {
    inner: B,
    in_flight: InFlight,
}

impl<B> Tracked<B> {
    pub(super) const fn new(inner: B, in_flight: InFlight) -> Self {
        Self { inner, in_flight }
    }
}

impl<B: Body + Unpin> Body for Tracked<B> {
    type Data = B::Data;
    type Error = B::Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<B::Data>, B::Error>>> {
        let frame = Pin::new(&mut self.inner).poll_frame(cx);
        if frame.is_ready() {
            self.in_flight.deadlines.progressed();
        }
        frame
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}
