//! `watchword events verify` reports changes to the stream, and nothing else.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use async_nats::HeaderMap;
use async_nats::jetstream::stream::Stream;

use watchword::config::Settings;

use super::rig::{SEEDED, options, options_on, seed};
use crate::support::app::TestApp;
use crate::support::binary::{Binary, Ended, run};
use crate::support::database::{Backend, Database, LedgerRow};
use crate::support::flow_tests;
use crate::support::nats::{NatsServer, StreamMessage};
use crate::support::run_dir::scratch;
use crate::support::wait::eventually;

flow_tests! {
    the_ledger_and_the_stream_agree_while_events_are_published,
    events_expired_from_the_stream_are_not_missing,
    unpublished_events_are_not_missing,
    a_deleted_message_is_reported_as_missing,
    a_foreign_message_is_reported_as_extra,
    a_message_stored_twice_is_reported_as_a_duplicate,
    swapped_messages_are_reported_as_out_of_order,
}

const TIMEOUT: Duration = Duration::from_secs(60);
const KINDS: [&str; 4] = ["missing", "extra", "duplicate", "out of order"];

/// Returns the count of a kind of difference in a report.
fn count(ended: &Ended, word: &str) -> u64 {
    let line = ended.stdout.lines().find_map(|line| line.strip_prefix(word));
    let number = line.and_then(|line| line.split_whitespace().next());
    number.and_then(|number| number.parse().ok()).unwrap_or_default()
}

/// Runs the command, and checks that it reports exactly these differences.
#[track_caller]
fn assert_differences(app: &TestApp, expected: &[(&str, u64)]) -> impl Future<Output = Ended> {
    let caller = std::panic::Location::caller();
    let (options, expected) = (options(app, &["events", "verify"]), expected.to_vec());
    async move {
        let ended = run(options, "").await;
        for kind in KINDS {
            let of_kind = expected.iter().find(|(name, _)| *name == kind);
            let wanted = of_kind.map_or(0, |(_, count)| *count);
            assert_eq!(count(&ended, kind), wanted, "{caller}: {kind}: {ended:?}");
        }
        assert_eq!(ended.status.code(), Some(i32::from(!expected.is_empty())), "{caller}: {ended:?}");
        ended
    }
}

/// Starts an application whose stream holds the seeded events.
async fn seeded(backend: Backend) -> (TestApp, Vec<StreamMessage>) {
    let keeps_all = |settings: &mut Settings| {
        settings.stream.max_age = Duration::from_secs(9 * 365 * 86_400);
        settings.events.retention = Duration::from_secs(10 * 365 * 86_400);
    };
    let app = TestApp::builder(backend).settings(keeps_all).spawn().await;
    app.registered("ada@example.com").await;
    seed(&app.database).await;
    let messages = app.events().await;
    (app, messages)
}

async fn stream(app: &TestApp) -> Stream {
    let context = app.nats.jetstream().await;
    context.get_stream("auth-events").await.expect("the stream")
}

/// Publishes a copy of a message from another client, after the duplicate window.
async fn publish_again(app: &TestApp, message: &StreamMessage) -> u64 {
    let context = app.nats.jetstream().await;
    let mut headers = HeaderMap::new();
    for (name, value) in message
        .headers
        .iter()
        .filter(|(name, _)| !name.starts_with("Nats-Batch") && !name.starts_with("Nats-Expected"))
    {
        headers.insert(name.as_str(), value.as_str());
    }
    // A new window makes the server look at once for ids that it may forget.
    let window = AtomicU64::new(100);
    eventually(TIMEOUT, || async {
        let mut config = stream(app).await.cached_info().config.clone();
        config.duplicate_window = Duration::from_millis(window.fetch_add(1, Ordering::Relaxed));
        context.update_stream(&config).await.expect("a shorter window");
        let sent = context.publish_with_headers(message.subject.clone(), headers.clone(), message.bytes.clone().into());
        let ack = sent.await.expect("sent").await.expect("acknowledged");
        (!ack.duplicate).then_some(ack.sequence)
    })
    .await
}

async fn the_ledger_and_the_stream_agree_while_events_are_published(backend: Backend) {
    let app = TestApp::spawn(backend).await;
    app.registered("ada@example.com").await;
    seed(&app.database).await;
    // The relay is still publishing.
    assert_differences(&app, &[]).await;
    app.ledger_drained().await;
    let ended = assert_differences(&app, &[]).await;
    let all = u64::try_from(app.ledger().await.len()).expect("a number");
    assert_eq!(count(&ended, "in place"), all, "{ended:?}");
    app.abandon().await;
}

async fn events_expired_from_the_stream_are_not_missing(backend: Backend) {
    let (app, _) = seeded(backend).await;
    stream(&app).await.purge().keep(100).await.expect("purge");
    let ended = assert_differences(&app, &[]).await;
    assert_eq!(count(&ended, "in place"), 100, "{ended:?}");
    stream(&app).await.purge().await.expect("purge");
    assert_differences(&app, &[]).await;
    app.abandon().await;
}

async fn unpublished_events_are_not_missing(backend: Backend) {
    let data_dir = scratch("app");
    let database = Database::fresh(backend, &data_dir).await;
    let nats = NatsServer::start().await;
    let command = |args: &[&str]| options_on(&data_dir, &database, &nats, args);
    let mut service = Binary::start(command(&["serve"])).await;
    service.http().register("ada@example.com", "correct horse battery 7").await;
    eventually(TIMEOUT, || async {
        nats.messages("auth-events").await.len() == 1 && database.unpublished().await.expect("a count") == 0
    })
    .await;
    service.kill();
    seed(&database).await;
    let ended = run(command(&["events", "verify"]), "").await;
    assert!(ended.status.success(), "{ended:?}");
    assert_eq!(count(&ended, "waiting"), u64::try_from(SEEDED).expect("a number"), "{ended:?}");
    assert_eq!(count(&ended, "in place"), 1, "{ended:?}");
    database.remove().await;
}

async fn a_deleted_message_is_reported_as_missing(backend: Backend) {
    let (app, messages) = seeded(backend).await;
    let gone = &messages[1234];
    stream(&app).await.delete_message(gone.seq).await.expect("delete");
    let ended = assert_differences(&app, &[("missing", 1)]).await;
    assert!(ended.stdout.contains(gone.header("Nats-Msg-Id").expect("an id")), "{ended:?}");
    // The last message too: no later message could reveal the gap.
    stream(&app)
        .await
        .delete_message(messages.last().expect("a message").seq)
        .await
        .expect("delete");
    assert_differences(&app, &[("missing", 2)]).await;
    app.abandon().await;
}

async fn a_foreign_message_is_reported_as_extra(backend: Backend) {
    let (app, messages) = seeded(backend).await;
    let context = app.nats.jetstream().await;
    let publish = async |headers: HeaderMap| {
        let sent = context.publish_with_headers("auth.user.updated", headers, "{}".into());
        sent.await.expect("sent").await.expect("acknowledged");
    };
    publish(HeaderMap::new()).await;
    let with_id = |id: &str| {
        let mut headers = HeaderMap::new();
        headers.insert("Nats-Msg-Id", id);
        headers
    };
    publish(with_id("order-17")).await;
    publish(with_id("01a2031e-cd40-7b21-9f0d-3a7e5c8d1b02")).await;
    assert_differences(&app, &[("extra", 3)]).await;
    // Nor does the name of a replay make a message ours.
    let id = messages[5].header("Nats-Msg-Id").expect("an id");
    publish(with_id(&format!("{id}.backfill"))).await;
    assert_differences(&app, &[("extra", 4)]).await;
    app.abandon().await;
}

async fn a_message_stored_twice_is_reported_as_a_duplicate(backend: Backend) {
    let (app, messages) = seeded(backend).await;
    publish_again(&app, &messages[7]).await;
    assert_differences(&app, &[("duplicate", 1)]).await;
    app.abandon().await;
}

async fn swapped_messages_are_reported_as_out_of_order(backend: Backend) {
    let (app, messages) = seeded(backend).await;
    let rows = app.ledger().await;
    let row_of = |message: &StreamMessage| -> LedgerRow {
        let id = message.header("Nats-Msg-Id").expect("an id");
        rows.iter().find(|row| row.id.to_string() == id).expect("its row").clone()
    };
    // Two neighboring events of one user are stored again in reverse order.
    let first = messages[50].clone();
    let user = row_of(&first).user_id;
    let second = messages[51..].iter().find(|message| row_of(message).user_id == user);
    let second = second.expect("another event of the user").clone();
    let all = stream(&app).await;
    for message in [&first, &second] {
        all.delete_message(message.seq).await.expect("delete");
    }
    publish_again(&app, &second).await;
    publish_again(&app, &first).await;
    assert_differences(&app, &[("out of order", 2)]).await;
    app.abandon().await;
}
