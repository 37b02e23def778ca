//! A TCP connection in raw bytes, to do what no client library would: stop in the middle of a
//! request, or reset it.

use std::time::Duration;

use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

/// Longer than any deadline of the service.
const TIMEOUT: Duration = Duration::from_secs(60);

/// A connection to an instance.
#[derive(Debug)]
pub(crate) struct RawConnection(TcpStream);

impl RawConnection {
    /// Connects to a port of 127.0.0.1.
    pub(crate) async fn to(port: u16) -> std::io::Result<Self> {
        let socket = TcpStream::connect(("127.0.0.1", port)).await?;
        socket.set_nodelay(true)?;
        Ok(Self(socket))
    }

    pub(crate) async fn send(&mut self, bytes: &[u8]) -> std::io::Result<()> {
        self.0.write_all(bytes).await
    }

    /// Reads until the text ends with `end`.
    pub(crate) async fn read_until(&mut self, end: &str) -> String {
        let read = async {
            let mut bytes = Vec::new();
            while !bytes.ends_with(end.as_bytes()) {
                bytes.push(self.0.read_u8().await.expect("more bytes"));
            }
            String::from_utf8_lossy(&bytes).into_owned()
        };
        timeout(TIMEOUT, read).await.expect("bytes in time")
    }

    /// Reads until the server closes the connection.
    pub(crate) async fn read_to_end(&mut self) -> String {
        let mut text = String::new();
        timeout(TIMEOUT, self.0.read_to_string(&mut text))
            .await
            .expect("the server closes in time")
            .expect("a close without a reset");
        text
    }

    /// Resets the connection, as a client that crashes does. The server's next read and write fail.
    pub(crate) fn reset(self) {
        self.0.set_zero_linger().expect("set SO_LINGER");
    }
}

/// Returns the head and the body of a request with JSON, `Connection: close`, and additional header
/// lines (each with its CRLF).
pub(crate) fn post(path: &str, headers: &str, body: &Value) -> (String, String) {
    let body = body.to_string();
    let length = body.len();
    let head = format!(
        "POST {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Type: application/json\r\n\
         Content-Length: {length}\r\n{headers}\r\n"
    );
    (head, body)
}
