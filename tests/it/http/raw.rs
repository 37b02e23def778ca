//! HTTP/1.1 in raw bytes, to send what no client library would.

use std::net::SocketAddr;
use std::time::Duration;

use serde_json::Value;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout;

/// The timeout of a request.
pub(super) const TIMEOUT: Duration = Duration::from_secs(60);

/// A response.
#[derive(Debug, Clone)]
pub(super) struct Reply {
    pub(super) status: u16,
    pub(super) head: String,
    pub(super) body: String,
}

impl Reply {
    /// Returns all values of a header.
    pub(super) fn header(&self, name: &str) -> Vec<&str> {
        let values = self.head.lines().skip(1).filter_map(|line| line.split_once(':'));
        values
            .filter(|(known, _)| known.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.trim())
            .collect()
    }

    pub(super) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error} in {self:?}"))
    }

    /// Returns the problem document, and checks what every problem must have.
    pub(super) fn problem(&self) -> Value {
        assert_eq!(self.header("content-type"), ["application/problem+json"], "{self:?}");
        let problem = self.json();
        assert_eq!(problem["status"], self.status, "{problem}");
        let code = problem["code"].as_str().unwrap();
        assert_eq!(problem["type"], format!("https://watchword-auth.github.io/watchword/problems/{code}"));
        assert!(!problem["title"].as_str().unwrap().is_empty());
        assert!(!problem["detail"].as_str().unwrap().is_empty());
        assert_eq!(self.header("x-request-id"), [problem["requestId"].as_str().unwrap()]);
        assert_eq!(self.header("x-content-type-options"), ["nosniff"]);
        assert_eq!(self.header("cache-control"), ["no-store"]);
        assert!(self.header("server").is_empty());
        problem
    }
}

/// Sends a GET request.
pub(super) async fn get(address: SocketAddr, path: &str) -> Reply {
    request(address, "GET", path, &[], b"").await
}

/// Sends a POST request with a JSON body.
pub(super) async fn post(address: SocketAddr, path: &str, body: impl AsRef<[u8]>) -> Reply {
    request(address, "POST", path, &[("Content-Type", "application/json")], body.as_ref()).await
}

/// Sends a request, with `Content-Length` if it has a body.
pub(super) async fn request(
    address: SocketAddr,
    method: &str,
    path: &str,
    headers: &[(&str, &str)],
    body: &[u8],
) -> Reply {
    let mut bytes = format!("{method} {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n");
    for (name, value) in headers {
        bytes.push_str(&format!("{name}: {value}\r\n"));
    }
    if !body.is_empty() {
        bytes.push_str(&format!("Content-Length: {}\r\n", body.len()));
    }
    bytes.push_str("\r\n");
    let mut bytes = bytes.into_bytes();
    bytes.extend_from_slice(body);
    send(address, &bytes).await
}

/// Sends `bytes`, and reads until the server closes.
pub(super) async fn send(address: SocketAddr, bytes: &[u8]) -> Reply {
    let mut socket = TcpStream::connect(address).await.unwrap();
    socket.write_all(bytes).await.unwrap();
    read_reply(&mut socket).await
}

/// Reads until the server closes.
pub(super) async fn read_reply(socket: &mut TcpStream) -> Reply {
    let mut bytes = Vec::new();
    timeout(TIMEOUT, socket.read_to_end(&mut bytes))
        .await
        .expect("the server closes")
        .unwrap();
    parse(&bytes)
}

pub(super) fn parse(bytes: &[u8]) -> Reply {
    let text = String::from_utf8_lossy(bytes);
    let (head, body) = text.split_once("\r\n\r\n").unwrap_or_else(|| panic!("no response in {text:?}"));
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    Reply { status, head: head.to_owned(), body: body.to_owned() }
}
