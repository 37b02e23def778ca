//! The limit of the relay: atomic batches of finished messages of the same size, from a bare client,
//! one in flight, each behind the end of the stream.

use std::time::Instant;

use async_nats::HeaderMap;
use async_nats::jetstream::{self, stream};
use futures_util::StreamExt as _;
use watchword_events::headers::{MESSAGE_ID, for_event};
use watchword_events::{EventKind, example, schema};

use crate::Outcome;
use crate::rig::Nats;

const BATCHES: usize = 100;
const BATCH_SIZE: usize = 500;
const SUBJECT: &str = "bare.logged_in";
/// As long as the service's.
const MARK: &str = "0f8fad5b-d9cb-469f-a165-70867728950e/200000/0123456789abcdef0123456789abcdef0123456789abcdef";

/// Return the messages per second.
pub(crate) async fn measure(nats: &Nats) -> Outcome<f64> {
    let client = async_nats::connect(nats.url()).await?;
    let context = jetstream::new(client.clone());
    let _ = context.delete_stream("bare").await;
    let config = stream::Config {
        name: "bare".to_owned(),
        subjects: vec!["bare.*".to_owned()],
        allow_atomic_publish: true,
        ..Default::default()
    };
    context.create_stream(config).await?;
    let body = example::of(EventKind::LoggedIn).to_json()?;
    let batches: Vec<Vec<HeaderMap>> = (0..BATCHES).map(batch).collect();
    let inbox = client.new_inbox();
    let mut answers = client.subscribe(inbox.clone()).await?;
    let started = Instant::now();
    for batch in batches {
        for (index, headers) in batch.into_iter().enumerate() {
            let body = body.clone().into();
            if index == 0 || index + 1 == BATCH_SIZE {
                client.publish_with_reply_and_headers(SUBJECT, inbox.clone(), headers, body).await?;
                let answer = answers.next().await.ok_or("no answer")?;
                if answer.payload.windows(7).any(|part| part == b"\"error\"") {
                    return Err(String::from_utf8_lossy(&answer.payload).into_owned().into());
                }
            } else {
                client.publish_with_headers(SUBJECT, headers, body).await?;
            }
        }
    }
    let took = started.elapsed().as_secs_f64();
    context.delete_stream("bare").await?;
    let messages = u32::try_from(BATCHES * BATCH_SIZE)?;
    Ok(f64::from(messages) / took)
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
