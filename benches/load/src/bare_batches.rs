//! The limit of the relay: atomic batches of finished messages of the same size, from a bare client,
//! one in flight, each behind the end of the stream.

use std::time::Instant;

use async_nats::jetstream::{self, stream};
use async_nats::{Client, HeaderMap};
use futures_util::StreamExt as _;
use watchword_events::headers::{MESSAGE_ID, for_event};
use watchword_events::{EventKind, example, schema};

use crate::Outcome;
use crate::rig::Nats;

const BATCHES: usize = 100;
const BATCH_SIZE: usize = 500;
/// The number of messages that a publisher sends.
pub(crate) const MESSAGES: usize = BATCHES * BATCH_SIZE;
/// As long as the service's.
const MARK: &str = "0f8fad5b-d9cb-469f-a165-70867728950e/200000/0123456789abcdef0123456789abcdef0123456789abcdef";

/// Return the messages per second.
pub(crate) async fn measure(nats: &Nats) -> Outcome<f64> {
    let publisher = Publisher::new(nats, "bare").await?;
    let started = Instant::now();
    publisher.run().await?;
    let took = started.elapsed().as_secs_f64();
    Publisher::delete_stream(nats, "bare").await?;
    Ok(f64::from(u32::try_from(MESSAGES)?) / took)
}

/// A connection, an empty stream of its own, and the batches for it.
pub(crate) struct Publisher {
    client: Client,
    subject: String,
    body: Vec<u8>,
    batches: Vec<Vec<HeaderMap>>,
}

impl Publisher {
    pub(crate) async fn new(nats: &Nats, stream: &str) -> Outcome<Self> {
        Self::delete_stream(nats, stream).await?;
        let client = async_nats::connect(nats.url()).await?;
        let config = stream::Config {
            name: stream.to_owned(),
            subjects: vec![format!("{stream}.*")],
            allow_atomic_publish: true,
            ..Default::default()
        };
        jetstream::new(client.clone()).create_stream(config).await?;
        Ok(Self {
            client,
            subject: format!("{stream}.logged_in"),
            body: example::of(EventKind::LoggedIn).to_json()?,
            batches: (0..BATCHES).map(batch).collect(),
        })
    }

    pub(crate) async fn delete_stream(nats: &Nats, stream: &str) -> Outcome<()> {
        let context = jetstream::new(async_nats::connect(nats.url()).await?);
        let _ = context.delete_stream(stream).await;
        Ok(())
    }

    /// Publishes the batches, one after another.
    pub(crate) async fn run(self) -> Outcome<()> {
        let inbox = self.client.new_inbox();
        let mut answers = self.client.subscribe(inbox.clone()).await?;
        for batch in self.batches {
            for (index, headers) in batch.into_iter().enumerate() {
                let (subject, body) = (self.subject.clone(), self.body.clone().into());
                if index == 0 || index + 1 == BATCH_SIZE {
                    self.client.publish_with_reply_and_headers(subject, inbox.clone(), headers, body).await?;
                    let answer = answers.next().await.ok_or("no answer")?;
                    if answer.payload.windows(7).any(|part| part == b"\"error\"") {
                        return Err(String::from_utf8_lossy(&answer.payload).into_owned().into());
                    }
                } else {
                    self.client.publish_with_headers(subject, headers, body).await?;
                }
            }
        }
        Ok(())
    }
}

/// The headers of one batch.
fn batch(number: usize) -> Vec<HeaderMap> {
    let event = example::of(EventKind::LoggedIn);
    let before = number * BATCH_SIZE;
    let headers = |index: usize| {
        let mut headers = HeaderMap::new();
        for (name, value) in for_event(&event, "https://auth.example.com", schema::BASE_URL) {
            headers.insert(name, value);
        }
        headers.insert(MESSAGE_ID, format!("01a20320-a200-7a3f-8d5e-{:012x}", before + index));
        headers.insert("Watchword-Ledger", MARK);
        headers.insert("Nats-Batch-Id", format!("bare-{number}"));
        headers.insert("Nats-Batch-Sequence", (index + 1).to_string());
        if index == 0 {
            headers.insert("Nats-Expected-Last-Sequence", before.to_string());
        }
        if index + 1 == BATCH_SIZE {
            headers.insert("Nats-Batch-Commit", "1");
        }
        headers
    };
    (0..BATCH_SIZE).map(headers).collect()
}
