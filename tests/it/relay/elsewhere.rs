//! The stream in another place: a mirror that is promoted, a snapshot that is restored. What it
//! holds of ours says where publication goes on. Nothing is filled again, and nothing is doubled.

use std::time::Duration;

use async_nats::jetstream::stream::{Config, Source};
use bytes::Bytes;
use futures_util::StreamExt as _;
use serde_json::{Value, json};
use watchword::jetstream::{StreamFault, StreamState, desired};

use super::rig::{Rig, STREAM, TIMEOUT};
use crate::support::database::Backend;
use crate::support::flow_tests;
use crate::support::invariants::differences;
use crate::support::nats::NatsServer;
use crate::support::run_dir::{copy_directory, scratch};
use crate::support::wait::eventually;

flow_tests! {
    a_promoted_mirror_is_continued_behind_its_last_event,
    a_restored_snapshot_gets_what_it_lacks_once,
}

const MIRROR: &str = "auth-events-mirror";
/// So short that only the end of the stream prevents a second copy.
const DUPLICATE_WINDOW: Duration = Duration::from_millis(100);

fn definition(rig: &Rig, name: &str) -> Config {
    Config {
        name: name.to_owned(),
        duplicate_window: DUPLICATE_WINDOW,
        ..desired(&rig.settings.stream).expect("the definition")
    }
}

/// Waits until everything is published, and checks the invariants of this stream. Events that are
/// published again have the sequences that they had.
async fn assert_continued(rig: &Rig, nats: &NatsServer, stream: &str, events: usize) {
    rig.drained().await;
    let (ledger, messages) = (rig.database.ledger().await.expect("the ledger"), nats.messages(stream).await);
    assert_eq!(differences(&ledger, &messages), Vec::<String>::new());
    assert_eq!(messages.len(), events);
    let last = messages.last().map_or(0, |message| message.seq);
    assert_eq!(usize::try_from(last).expect("a number"), events);
}

async fn assert_not_refilled(rig: &Rig) {
    let refilled = "SELECT count(*) FROM relay_position WHERE refill_from IS NOT NULL";
    assert_eq!(rig.database.count(refilled).await.expect("a number"), 0);
}

/// The site with the stream is lost, and the mirror had not received the last events.
async fn a_promoted_mirror_is_continued_behind_its_last_event(backend: Backend) {
    let mut nats = NatsServer::start().await;
    if nats.lacks("the promotion of mirrors", (2, 12)).await {
        return;
    }
    let mut rig = Rig::new(backend, &nats).await;
    let jetstream = nats.jetstream().await;
    jetstream.create_stream(definition(&rig, STREAM)).await.expect("create the stream");
    let mirror = Config {
        subjects: Vec::new(),
        allow_atomic_publish: false,
        mirror: Some(Source { name: STREAM.to_owned(), ..Source::default() }),
        ..definition(&rig, MIRROR)
    };
    jetstream.create_stream(mirror).await.expect("create the mirror");
    rig.record(3, 100).await;
    let running = rig.start().await;
    rig.assert_consistent(&nats).await;
    eventually(TIMEOUT, || async { nats.messages(MIRROR).await.len() == 300 }).await;

    nats.stop().await;
    let (streams, saved) = (nats.store_dir().join("jetstream/$G/streams"), scratch("mirror"));
    copy_directory(&streams.join(MIRROR), &saved);
    nats.start_again().await;
    rig.record(2, 30).await;
    rig.assert_consistent(&nats).await;
    running.stop().await;
    nats.kill();
    std::fs::remove_dir_all(&streams).expect("lose the streams");
    copy_directory(&saved, &streams.join(MIRROR));
    nats.start_again().await;

    // A mirror takes no events.
    rig.settings.stream.name = MIRROR.to_owned();
    rig.record(2, 10).await;
    let running = rig.start().await;
    let state = running.stream(|stream| matches!(stream, StreamState::Fault(_))).await;
    assert!(matches!(state, StreamState::Fault(StreamFault::Mirror(_))), "{state:?}");
    let jetstream = nats.jetstream().await;
    jetstream.update_stream(definition(&rig, MIRROR)).await.expect("promote the mirror");
    assert_continued(&rig, &nats, MIRROR, 380).await;
    assert_not_refilled(&rig).await;
    running.stop().await;
    let running = rig.start().await;
    rig.record(1, 1).await;
    assert_continued(&rig, &nats, MIRROR, 381).await;
    running.stop().await;
}

async fn a_restored_snapshot_gets_what_it_lacks_once(backend: Backend) {
    let nats = NatsServer::start().await;
    let rig = Rig::new(backend, &nats).await;
    let jetstream = nats.jetstream().await;
    jetstream.create_stream(definition(&rig, STREAM)).await.expect("create the stream");
    rig.record(3, 100).await;
    let running = rig.start().await;
    rig.assert_consistent(&nats).await;
    let snapshot = Snapshot::take(&nats).await;
    rig.record(2, 30).await;
    rig.assert_consistent(&nats).await;
    running.stop().await;
    jetstream.delete_stream(STREAM).await.expect("delete the stream");
    snapshot.restore(&nats).await;
    assert_eq!(nats.messages(STREAM).await.len(), 300);

    let running = rig.start().await;
    rig.record(2, 10).await;
    assert_continued(&rig, &nats, STREAM, 380).await;
    assert_not_refilled(&rig).await;
    running.stop().await;
}

/// A snapshot of the stream, as the server's API gives and takes it.
struct Snapshot {
    /// The configuration and the state of the stream.
    about: Value,
    chunks: Vec<Bytes>,
}

impl Snapshot {
    async fn take(nats: &NatsServer) -> Self {
        let client = nats.client().await;
        let inbox = client.new_inbox();
        let mut messages = client.subscribe(inbox.clone()).await.expect("subscribe");
        let request = json!({ "deliver_subject": inbox, "no_consumers": true });
        let about = ask(&client, &format!("$JS.API.STREAM.SNAPSHOT.{STREAM}"), &request).await;
        let mut chunks = Vec::new();
        loop {
            let message = tokio::time::timeout(TIMEOUT, messages.next()).await.expect("in time").expect("a chunk");
            // An empty one is the end.
            if message.payload.is_empty() {
                break;
            }
            if let Some(reply) = message.reply {
                client.publish(reply, Bytes::new()).await.expect("acknowledge a chunk");
            }
            chunks.push(message.payload);
        }
        Self { about, chunks }
    }

    async fn restore(&self, nats: &NatsServer) {
        let client = nats.client().await;
        let request = json!({ "config": self.about.get("config"), "state": self.about.get("state") });
        let accepted = ask(&client, &format!("$JS.API.STREAM.RESTORE.{STREAM}"), &request).await;
        let subject = accepted.get("deliver_subject").and_then(Value::as_str).expect("a subject").to_owned();
        for chunk in self.chunks.iter().cloned().chain([Bytes::new()]) {
            let answer = client.request(subject.clone(), chunk).await.expect("an answer");
            let text = String::from_utf8_lossy(&answer.payload);
            assert!(!text.contains("\"error\""), "{text}");
        }
    }
}

/// Sends a request to the API, which must not be refused.
async fn ask(client: &async_nats::Client, subject: &str, request: &Value) -> Value {
    let answer = client.request(subject.to_owned(), request.to_string().into()).await.expect("an answer");
    let answer: Value = serde_json::from_slice(&answer.payload).expect("JSON");
    assert_eq!(answer.get("error"), None, "{answer}");
    answer
}
