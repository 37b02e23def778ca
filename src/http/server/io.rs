//! The socket of a connection: it reports reads and writes to the deadlines, and closes so that the
//! last response arrives.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;

use super::deadlines::ConnectionDeadlines;

/// Most bytes that are read and discarded after our side has closed.
const MAX_DISCARDED: usize = 1024 * 1024;

/// Most bytes that are read in a row. A client that sends small frames faster than they are handled
/// would otherwise keep a thread from all other connections.
const MAX_IN_A_ROW: usize = 64 * 1024;

/// A client's socket.
pub(super) struct Socket {
    inner: TcpStream,
    deadlines: Arc<ConnectionDeadlines>,
    /// Bytes read since the socket last had none, or the connection last gave way.
    in_a_row: usize,
    discarded: usize,
    closed: bool,
}

impl Socket {
    pub(super) const fn new(inner: TcpStream, deadlines: Arc<ConnectionDeadlines>) -> Self {
        Self { inner, deadlines, in_a_row: 0, discarded: 0, closed: false }
    }

    fn note_write(&self, result: Poll<io::Result<usize>>) -> Poll<io::Result<usize>> {
        self.deadlines.wrote(result.is_ready());
        result
    }

    /// Read until the client has closed its side. Closing a socket with unread bytes resets the
    /// connection, and a reset overtakes the response: a client that is sending a body that is too
    /// large would never get the 413.
    fn poll_discard(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let mut scratch = [0_u8; 4096];
        while self.discarded < MAX_DISCARDED {
            let mut buffer = ReadBuf::new(&mut scratch);
            match ready!(Pin::new(&mut self.inner).poll_read(cx, &mut buffer)) {
                Ok(()) if !buffer.filled().is_empty() => self.discarded += buffer.filled().len(),
                _ => break,
            }
        }
        Poll::Ready(())
    }
}

impl AsyncRead for Socket {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        if self.in_a_row >= MAX_IN_A_ROW {
            self.in_a_row = 0;
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        let before = buffer.filled().len();
        let result = Pin::new(&mut self.inner).poll_read(cx, buffer);
        let read = buffer.filled().len().saturating_sub(before);
        if read > 0 {
            self.deadlines.bytes_read();
            self.in_a_row += read;
        } else {
            self.in_a_row = 0;
        }
        result
    }
}

impl AsyncWrite for Socket {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let result = Pin::new(&mut self.inner).poll_write(cx, bytes);
        self.note_write(result)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let result = Pin::new(&mut self.inner).poll_write_vectored(cx, slices);
        self.note_write(result)
    }

    fn is_write_vectored(&self) -> bool {
        self.inner.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if !self.closed {
            ready!(Pin::new(&mut self.inner).poll_shutdown(cx))?;
            self.closed = true;
            self.deadlines.linger();
        }
        ready!(self.poll_discard(cx));
        Poll::Ready(Ok(()))
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::AsyncWriteExt as _;
    use tokio::net::TcpListener;
    use tokio::time::Instant;

    use super::*;

    #[tokio::test]
    async fn a_client_that_sends_without_end_gives_way_to_others() {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let mut client = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        let (inner, _) = listener.accept().await.unwrap();
        let mut socket = Socket::new(inner, Arc::new(ConnectionDeadlines::new(Instant::now())));
        let sending = tokio::spawn(async move { client.write_all(&[7; 16 * MAX_IN_A_ROW]).await });
        let (mut read, mut longest, mut row) = (0, 0, 0);
        let mut scratch = vec![0_u8; MAX_IN_A_ROW / 4];
        std::future::poll_fn(|cx| {
            loop {
                let mut buffer = ReadBuf::new(&mut scratch);
                if Pin::new(&mut socket).poll_read(cx, &mut buffer).is_pending() {
                    row = 0;
                    return Poll::Pending;
                }
                let count = buffer.filled().len();
                (read, row) = (read + count, row + count);
                longest = longest.max(row);
                if count == 0 {
                    return Poll::Ready(());
                }
            }
        })
        .await;
        assert!(sending.await.unwrap().is_ok());
        assert_eq!(read, 16 * MAX_IN_A_ROW, "nothing is lost");
        assert!(longest < 2 * MAX_IN_A_ROW, "{longest}");
    }
}
