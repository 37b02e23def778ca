//! Gives the errors that hyper answers by itself a body.
//!
//! hyper answers what it cannot parse before any of our code: with a status and nothing else. It
//! has no hook for that, so its answer is replaced where it is written.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::{Buf as _, Bytes};
use poem::http::StatusCode;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// Makes the whole answer for a status.
type Answer = Arc<dyn Fn(StatusCode) -> Bytes + Send + Sync>;

/// A connection whose bare errors are replaced.
pub(super) struct BareErrors<IO> {
    inner: IO,
    answer: Answer,
    replacement: Option<Replacement>,
}

/// What is written in place of bytes of hyper.
struct Replacement {
    left: Bytes,
    /// How many bytes of hyper it stands for.
    replaces: usize,
}

impl<IO> BareErrors<IO> {
    pub(super) fn new(inner: IO, answer: Answer) -> Self {
        Self { inner, answer, replacement: None }
    }
}

impl<IO: AsyncWrite + Unpin> BareErrors<IO> {
    /// Write the replacement of `bytes`; `None` when they are written as they are.
    fn poll_replace(&mut self, cx: &mut Context<'_>, bytes: &[u8]) -> Option<Poll<io::Result<usize>>> {
        if self.replacement.is_none() {
            let status = bare_status(bytes)?;
            self.replacement = Some(Replacement { left: (self.answer)(status), replaces: bytes.len() });
        }
        let replacement = self.replacement.as_mut()?;
        while replacement.left.has_remaining() {
            match Pin::new(&mut self.inner).poll_write(cx, &replacement.left) {
                Poll::Ready(Ok(written)) if written > 0 => replacement.left.advance(written),
                other => return Some(other),
            }
        }
        let replaces = replacement.replaces;
        self.replacement = None;
        Some(Poll::Ready(Ok(replaces)))
    }
}

impl<IO: AsyncRead + Unpin> AsyncRead for BareErrors<IO> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_read(cx, buffer)
    }
}

impl<IO: AsyncWrite + Unpin> AsyncWrite for BareErrors<IO> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        match self.poll_replace(cx, bytes) {
            Some(written) => written,
            None => Pin::new(&mut self.inner).poll_write(cx, bytes),
        }
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let first = slices.first().map_or(&[][..], |slice| slice);
        match self.poll_replace(cx, first) {
            Some(written) => written,
            None => Pin::new(&mut self.inner).poll_write_vectored(cx, slices),
        }
    }

    fn is_write_vectored(&self) -> bool {
        self.inner.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(Pin::new(&mut self.inner).poll_shutdown(cx))?;
        Poll::Ready(Ok(()))
    }
}

/// The status of an answer that hyper made: those of the service have an `X-Request-Id`.
fn bare_status(bytes: &[u8]) -> Option<StatusCode> {
    const OWN: &[u8] = b"\r\nx-request-id: ";
    let status = bytes.strip_prefix(b"HTTP/1.1 ").or_else(|| bytes.strip_prefix(b"HTTP/1.0 "))?;
    let status = match status.get(..3)? {
        b"400" => StatusCode::BAD_REQUEST,
        b"414" => StatusCode::URI_TOO_LONG,
        b"431" => StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE,
        _ => return None,
    };
    (!bytes.windows(OWN.len()).any(|part| part == OWN)).then_some(status)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_answers_of_hyper_are_replaced() {
        for (bytes, replaced) in [
            ("HTTP/1.1 431 Request Header Fields Too Large\r\ncontent-length: 0\r\n\r\n", Some(431)),
            ("HTTP/1.1 400 Bad Request\r\nconnection: close\r\ncontent-length: 0\r\n\r\n", Some(400)),
            ("HTTP/1.0 400 Bad Request\r\ncontent-length: 0\r\n\r\n", Some(400)),
            ("HTTP/1.1 400 Bad Request\r\nx-request-id: a\r\ncontent-length: 2\r\n\r\n{}", None),
            ("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n", None),
            ("{\"text\":\"HTTP/1.1 400 \"}", None),
            ("HTTP/1.1 4", None),
            ("", None),
        ] {
            assert_eq!(bare_status(bytes.as_bytes()).map(|status| status.as_u16()), replaced, "{bytes}");
        }
    }
}
