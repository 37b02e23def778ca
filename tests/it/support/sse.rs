//! A client of server-sent events.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use reqwest::Method;
use reqwest::header::CONTENT_TYPE;

use super::http::Http;

/// Longer than any pause of a healthy stream.
const TIMEOUT: Duration = Duration::from_secs(60);

/// The cursor behind the event with this ledger sequence. Clients never make one; tests know the
/// ledger.
pub(crate) fn cursor_at(seq: i64) -> String {
    let bytes = [&[1][..], &1_u32.to_be_bytes(), &seq.to_be_bytes()].concat();
    URL_SAFE_NO_PAD.encode(bytes)
}

/// The ledger sequence of a cursor.
pub(crate) fn seq_of(cursor: &str) -> i64 {
    let bytes = URL_SAFE_NO_PAD.decode(cursor).expect("base64url");
    let (head, seq) = bytes.split_last_chunk().expect("a sequence");
    assert_eq!(head, [1, 0, 0, 0, 1], "a cursor of the first epoch");
    i64::from_be_bytes(*seq)
}

/// The lines between two empty lines.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Frame {
    /// The ledger sequence of the cursor.
    pub(crate) id: Option<i64>,
    pub(crate) event: String,
    pub(crate) data: String,
}

/// An open stream.
pub(crate) struct EventSource {
    response: reqwest::Response,
    buffer: Vec<u8>,
}

impl EventSource {
    /// Opens a stream, after the event `last` if there is one.
    pub(crate) async fn open(http: &Http, access: &str, path: &str, last: Option<i64>) -> Self {
        let mut request = http.request(Method::GET, path).bearer_auth(access);
        if let Some(last) = last {
            request = request.header("last-event-id", cursor_at(last));
        }
        let response = request.send().await.expect("an answer");
        assert_eq!(response.status().as_u16(), 200, "{:?}", response.text().await);
        assert_eq!(response.headers()[CONTENT_TYPE], "text/event-stream");
        assert_eq!(response.headers()["cache-control"], "no-store");
        Self { response, buffer: Vec::new() }
    }

    /// Returns the next frame, with or without an event; `None` at the end of the stream.
    pub(crate) async fn frame(&mut self) -> Option<Frame> {
        loop {
            if let Some(end) = self.buffer.windows(2).position(|pair| pair == b"\n\n") {
                let frame: Vec<u8> = self.buffer.drain(..end + 2).collect();
                return Some(parse(&String::from_utf8(frame).expect("UTF-8")));
            }
            let chunk = tokio::time::timeout(TIMEOUT, self.response.chunk()).await;
            // A broken connection counts as the end.
            let chunk = chunk.expect("a frame or a heartbeat in time").ok().flatten()?;
            self.buffer.extend(chunk);
        }
    }

    /// Returns the next event; `None` at the end of the stream.
    pub(crate) async fn event(&mut self) -> Option<Frame> {
        loop {
            let frame = self.frame().await?;
            if !frame.data.is_empty() {
                return Some(frame);
            }
        }
    }

    /// Returns the next `count` events.
    pub(crate) async fn events(&mut self, count: usize) -> Vec<Frame> {
        let mut events = Vec::new();
        while events.len() < count {
            events.push(self.event().await.expect("the stream goes on"));
        }
        events
    }

    /// Reads to the end of the stream.
    pub(crate) async fn ended(&mut self) {
        while self.frame().await.is_some() {}
    }
}

fn parse(text: &str) -> Frame {
    let mut frame = Frame::default();
    for line in text.lines() {
        match line.split_once(": ") {
            Some(("id", id)) => frame.id = Some(seq_of(id)),
            Some(("event", event)) => frame.event = event.to_owned(),
            Some(("data", data)) => frame.data.push_str(data),
            _ => {}
        }
    }
    frame
}
