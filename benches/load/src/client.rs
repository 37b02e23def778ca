//! A minimal HTTP/1.1 client with keep-alive over one socket. It runs on the service's cores, so it
//! must cost little.

use serde_json::Value;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::Outcome;

pub(crate) struct Client {
    socket: TcpStream,
    buffer: Vec<u8>,
}

/// A response.
pub(crate) struct Answer {
    pub(crate) status: u16,
    body: Vec<u8>,
}

impl Answer {
    /// Returns a string in the JSON body, by its JSON pointer.
    pub(crate) fn text(&self, pointer: &str) -> Outcome<String> {
        let body: Value = serde_json::from_slice(&self.body)?;
        let text = body.pointer(pointer).and_then(Value::as_str);
        Ok(text
            .ok_or_else(|| format!("status {}: {}", self.status, String::from_utf8_lossy(&self.body)))?
            .to_owned())
    }

    /// Returns the length of the body in bytes.
    pub(crate) fn body_len(&self) -> usize {
        self.body.len()
    }
}

impl Client {
    pub(crate) async fn connect(port: u16) -> Outcome<Self> {
        let socket = TcpStream::connect(("127.0.0.1", port)).await?;
        socket.set_nodelay(true)?;
        Ok(Self { socket, buffer: Vec::with_capacity(4096) })
    }

    /// Sends JSON and reads the response.
    pub(crate) async fn post(&mut self, path: &str, body: &Value) -> Outcome<Answer> {
        let body = body.to_string();
        let length = body.len();
        let request = format!(
            "POST {path} HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n\r\n{body}"
        );
        self.exchange(&request).await
    }

    /// Reads a resource, with a bearer token if there is one.
    pub(crate) async fn get(&mut self, path: &str, token: Option<&str>) -> Outcome<Answer> {
        let bearer = token.map(bearer).unwrap_or_default();
        self.exchange(&format!("GET {path} HTTP/1.1\r\nhost: localhost\r\n{bearer}\r\n")).await
    }

    /// Deletes a resource.
    pub(crate) async fn delete(&mut self, path: &str, token: &str) -> Outcome<Answer> {
        let bearer = bearer(token);
        self.exchange(&format!("DELETE {path} HTTP/1.1\r\nhost: localhost\r\n{bearer}\r\n")).await
    }

    async fn exchange(&mut self, request: &str) -> Outcome<Answer> {
        self.socket.write_all(request.as_bytes()).await?;
        self.buffer.clear();
        loop {
            if self.socket.read_buf(&mut self.buffer).await? == 0 {
                return Err("the connection was closed before the answer".into());
            }
            if let Some(answer) = parse(&self.buffer)? {
                return Ok(answer);
            }
        }
    }
}

fn bearer(token: &str) -> String {
    format!("authorization: Bearer {token}\r\n")
}

/// Parses a response, if it is complete.
fn parse(bytes: &[u8]) -> Outcome<Option<Answer>> {
    let Some(end) = bytes.windows(4).position(|window| window == b"\r\n\r\n") else {
        return Ok(None);
    };
    let (head, rest) = bytes.split_at(end);
    let head = std::str::from_utf8(head)?;
    let status = head.split(' ').nth(1).ok_or("no status")?.parse()?;
    let length = head
        .lines()
        .find_map(|line| line.strip_prefix("content-length: "))
        .map_or(Ok(0), str::parse::<usize>)?;
    let body = rest.get(4..).unwrap_or_default();
    Ok((body.len() >= length).then(|| Answer { status, body: body.to_vec() }))
}
