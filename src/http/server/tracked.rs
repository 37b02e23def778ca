//! Tracks a request in flight, from its arrival to the last byte of its response.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use hyper::body::{Body, Frame, SizeHint};

use super::deadlines::ConnectionDeadlines;

/// Counts one request until it is dropped.
pub(super) struct InFlight {
    deadlines: Arc<ConnectionDeadlines>,
    streams: bool,
}

impl InFlight {
    pub(super) fn begin(deadlines: Arc<ConnectionDeadlines>, http2: bool) -> Self {
        deadlines.request_began(http2);
        Self { deadlines, streams: false }
    }

    /// Note that the response streams events.
    pub(super) fn streams(&mut self) {
        if !self.streams {
            self.streams = true;
            self.deadlines.request_streams();
        }
    }
}

impl Drop for InFlight {
    fn drop(&mut self) {
        self.deadlines.request_ended(self.streams);
    }
}

/// A response body that keeps its request in flight.
pub(super) struct Tracked<B> {
    inner: B,
    _in_flight: InFlight,
}

impl<B> Tracked<B> {
    pub(super) const fn new(inner: B, in_flight: InFlight) -> Self {
        Self { inner, _in_flight: in_flight }
    }
}

impl<B: Body + Unpin> Body for Tracked<B> {
    type Data = B::Data;
    type Error = B::Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<B::Data>, B::Error>>> {
        Pin::new(&mut self.inner).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}
