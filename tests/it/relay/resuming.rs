//! Finding the place at the end of the stream: events that the stream lost are published again,
//! stored ones are not, and deleted ones stay deleted.

use std::time::Duration;

use watchword::jetstream::{ServerVersion, desired};

use super::rig::{Rig, STREAM, TIMEOUT, settings};
use crate::support::database::Backend;
use crate::support::flow_tests;
use crate::support::invariants::differences;
use crate::support::nats::NatsServer;
use crate::support::run_dir::copy_directory;
use crate::support::wait::eventually;

flow_tests! {
    a_stream_deleted_while_connected_is_filled_again,
    a_server_that_lost_its_store_is_filled_again,
    a_server_that_lost_the_end_of_its_stream_gets_it_again,
    a_stored_event_that_no_position_knows_is_not_published_again,
    a_hole_behind_the_position_is_reported,
    a_purged_or_deleted_message_is_not_published_again,
    a_lost_stream_is_filled_once_with_what_it_holds,
    a_lost_end_that_another_message_has_taken_is_published_again,
    a_ledger_that_lacks_published_events_publishes_nothing,
}

async fn a_stream_deleted_while_connected_is_filled_again(backend: Backend) {
    let mut nats = NatsServer::start().await;
    let rig = Rig::new(backend, &nats).await;
    rig.record(4, 300).await;
    let running = rig.start().await;
    rig.assert_consistent(&nats).await;
    let jetstream = nats.jetstream().await;
    jetstream.delete_stream(STREAM).await.expect("delete the stream");
    jetstream
        .create_stream(desired(&rig.settings.stream).expect("the definition"))
        .await
        .expect("create it again");
    rig.record(4, 1).await;
    rig.drained().await;
    assert_eq!(rig.assert_consistent(&nats).await.len(), 1204);
    // Now the service creates it, behind the sequences of the lost one where the server keeps such
    // a stream (not before 2.10.28 and 2.11.2).
    jetstream.delete_stream(STREAM).await.expect("delete the stream");
    rig.record(4, 1).await;
    eventually(TIMEOUT, || async { jetstream.get_stream(STREAM).await.is_ok() }).await;
    assert_eq!(rig.assert_consistent(&nats).await.len(), 1208);
    nats.stop().await;
    nats.start_again().await;
    running.ready().await;
    assert_eq!(rig.assert_consistent(&nats).await.len(), 1208);
    running.stop().await;
}

async fn a_server_that_lost_its_store_is_filled_again(backend: Backend) {
    let mut nats = NatsServer::start().await;
    let rig = Rig::new(backend, &nats).await;
    rig.record(4, 300).await;
    let running = rig.start().await;
    rig.assert_consistent(&nats).await;
    nats.kill();
    nats.wipe_store();
    nats.start_again().await;
    running.ready().await;
    rig.record(1, 1).await;
    let messages = rig.assert_consistent(&nats).await;
    assert_eq!(messages.len(), 1201);
    // No sequence of the lost stream is used again, where the server keeps such a stream.
    let version = running.nats.status().borrow().server_version.clone().expect("a server");
    let keeps = version.parse::<ServerVersion>().expect("a version").keeps_first_sequence();
    assert_eq!(messages.first().expect("a message").seq > 1200 + 10_000, keeps);
    running.stop().await;
}

async fn a_server_that_lost_the_end_of_its_stream_gets_it_again(backend: Backend) {
    let mut nats = NatsServer::start().await;
    let rig = Rig::new(backend, &nats).await;
    let running = rig.start().await;
    rig.record(3, 100).await;
    rig.assert_consistent(&nats).await;
    nats.stop().await;
    let saved = crate::support::run_dir::scratch("saved");
    copy_directory(nats.store_dir(), &saved);
    nats.start_again().await;
    rig.record(3, 200).await;
    rig.assert_consistent(&nats).await;
    // Restore the copy: 300 of 900 acknowledged messages remain.
    nats.kill();
    nats.wipe_store();
    copy_directory(&saved, nats.store_dir());
    // New events must not hide the loss by taking the stream sequences of lost ones.
    rig.record(2, 10).await;
    nats.start_again().await;
    eventually(TIMEOUT, || async { running.metric("watchword_stream_lost_events_total") >= 600.0 }).await;
    let messages = rig.assert_consistent(&nats).await;
    assert_eq!(messages.len(), 920);
    running.stop().await;
}

async fn a_stored_event_that_no_position_knows_is_not_published_again(backend: Backend) {
    let nats = NatsServer::start().await;
    let rig = Rig::new(backend, &nats).await;
    // The duplicate window is short, so that only the end of the stream prevents a second copy.
    let mut definition = desired(&rig.settings.stream).expect("the definition");
    definition.duplicate_window = Duration::from_millis(100);
    nats.jetstream().await.create_stream(definition).await.expect("create the stream");
    rig.record(4, 300).await;
    let running = rig.start().await;
    rig.assert_consistent(&nats).await;
    running.kill().await;
    // A wrong clock dated the first event ten years ahead: the end is found without clocks.
    rig.execute("UPDATE events SET occurred_at = occurred_at + 315360000000 WHERE seq = 1")
        .await;
    for forgotten in [
        "DELETE FROM relay_position",
        "UPDATE relay_position SET seq = 1, stream_seq = 1, message_id = NULL",
        "UPDATE relay_position SET seq = seq - 700, stream_seq = stream_seq - 700, message_id = NULL",
    ] {
        rig.execute(forgotten).await;
        tokio::time::sleep(Duration::from_millis(200)).await;
        let running = rig.start().await;
        rig.record(1, 1).await;
        let messages = rig.assert_consistent(&nats).await;
        assert_eq!(messages.iter().map(|message| message.seq).max(), u64::try_from(messages.len()).ok());
        running.stop().await;
    }
}

/// As after a server that stored only a part of a batch, and a later event.
async fn a_hole_behind_the_position_is_reported(backend: Backend) {
    let nats = NatsServer::start().await;
    let rig = Rig::new(backend, &nats).await;
    rig.record(2, 5).await;
    let running = rig.start().await;
    rig.assert_consistent(&nats).await;
    running.stop().await;
    let stream = nats.jetstream().await.get_stream(STREAM).await.expect("the stream");
    for lost in [5, 6] {
        stream.delete_message(lost).await.expect("delete a message");
    }
    rig.execute("UPDATE relay_position SET seq = 3, stream_seq = 3, message_id = NULL").await;
    let running = rig.start().await;
    rig.record(1, 1).await;
    rig.drained().await;
    assert!((running.metric("watchword_stream_lost_events_total") - 2.0).abs() < f64::EPSILON);
    assert_eq!(nats.messages(STREAM).await.len(), 9);
    running.stop().await;
}

async fn a_purged_or_deleted_message_is_not_published_again(backend: Backend) {
    let nats = NatsServer::start().await;
    let rig = Rig::new(backend, &nats).await;
    rig.record(2, 50).await;
    let running = rig.start().await;
    rig.assert_consistent(&nats).await;
    running.stop().await;
    let stream = nats.jetstream().await.get_stream(STREAM).await.expect("the stream");
    stream.delete_message(100).await.expect("delete the last message");
    stream.delete_message(98).await.expect("delete a message");
    let running = rig.start().await;
    rig.record(1, 1).await;
    rig.drained().await;
    assert_eq!(nats.messages(STREAM).await.len(), 99);
    running.stop().await;
    stream.purge().await.expect("purge");
    let running = rig.start().await;
    rig.record(1, 1).await;
    rig.drained().await;
    assert_eq!(nats.messages(STREAM).await.len(), 1);
    assert!(running.metric("watchword_stream_lost_events_total").abs() < f64::EPSILON);
    running.stop().await;
}

async fn a_lost_stream_is_filled_once_with_what_it_holds(backend: Backend) {
    let nats = NatsServer::start().await;
    let mut settings = settings(Some(&nats));
    settings.stream.max_msgs = 1000;
    let rig = Rig::with(backend, settings).await;
    let running = rig.start().await;
    rig.record(50, 100).await;
    rig.drained().await;
    running.ready().await;
    nats.jetstream().await.delete_stream(STREAM).await.expect("delete the stream");
    let newest = async |count: usize| {
        let ledger = rig.database.ledger().await.expect("the ledger");
        let ids: Vec<String> = ledger.iter().rev().take(count).rev().map(|row| row.id.to_string()).collect();
        ids
    };
    let held = async || {
        let messages = nats.messages(STREAM).await;
        messages
            .iter()
            .filter_map(|message| message.header("Nats-Msg-Id").map(str::to_owned))
            .collect::<Vec<_>>()
    };
    rig.record(1, 1).await;
    eventually(TIMEOUT, || async {
        rig.database.unpublished().await.is_ok_and(|left| left == 0) && held().await.len() == 1000
    })
    .await;
    assert_eq!(held().await, newest(1000).await);
    running.stop().await;
    for _ in 0..3 {
        let running = rig.start().await;
        rig.record(1, 1).await;
        rig.drained().await;
        assert_eq!(held().await, newest(1000).await, "older events were published again");
        running.stop().await;
    }
}

async fn a_lost_end_that_another_message_has_taken_is_published_again(backend: Backend) {
    let mut nats = NatsServer::start().await;
    let rig = Rig::new(backend, &nats).await;
    let running = rig.start().await;
    rig.record(2, 50).await;
    rig.assert_consistent(&nats).await;
    nats.stop().await;
    let saved = crate::support::run_dir::scratch("saved");
    copy_directory(nats.store_dir(), &saved);
    nats.start_again().await;
    rig.record(1, 3).await;
    rig.assert_consistent(&nats).await;
    running.stop().await;
    nats.kill();
    nats.wipe_store();
    copy_directory(&saved, nats.store_dir());
    nats.start_again().await;
    // As many messages of others as were lost, and one more: the stream is not shorter.
    for _ in 0..4 {
        // The client may have to connect again first.
        eventually(TIMEOUT, || async {
            let published = nats.jetstream().await.publish("auth.user.logged_in", "{}".into()).await;
            match published {
                Ok(acknowledged) => acknowledged.await.map(drop).map_err(|error| error.to_string()),
                Err(error) => Err(error.to_string()),
            }
        })
        .await;
    }
    let running = rig.start().await;
    rig.record(1, 1).await;
    rig.drained().await;
    let messages = nats.messages(STREAM).await;
    let ours: Vec<_> = messages.into_iter().filter(|message| message.header("Nats-Msg-Id").is_some()).collect();
    let ledger = rig.database.ledger().await.expect("the ledger");
    assert_eq!(differences(&ledger, &ours), Vec::<String>::new());
    assert!(running.metric("watchword_stream_lost_events_total") >= 3.0);
    assert!(running.metric("watchword_stream_foreign_messages_total") >= 4.0);
    running.stop().await;
}

/// As after the restore of a backup.
async fn a_ledger_that_lacks_published_events_publishes_nothing(backend: Backend) {
    let nats = NatsServer::start().await;
    let rig = Rig::new(backend, &nats).await;
    let running = rig.start().await;
    rig.record(2, 50).await;
    rig.assert_consistent(&nats).await;
    running.stop().await;
    let (sequence, forget) = match backend {
        Backend::Postgres => ("SELECT setval('events_seq_seq', 90)", "DELETE FROM relay_position"),
        Backend::Sqlite => ("UPDATE sqlite_sequence SET seq = 90 WHERE name = 'events'", "DELETE FROM relay_position"),
    };
    rig.execute("DELETE FROM events WHERE seq > 90").await;
    rig.execute(sequence).await;
    rig.execute(forget).await;
    rig.record(1, 1).await;
    let running = rig.start().await;
    eventually(TIMEOUT, || async { running.metric("watchword_ledger_behind") > 0.5 }).await;
    let waiting = running.status.borrow().waiting();
    assert!(waiting.as_ref().is_some_and(|text| text.contains("ledger is behind")), "{waiting:?}");
    rig.record(1, 20).await;
    tokio::time::sleep(Duration::from_millis(500)).await;
    assert_eq!(nats.messages(STREAM).await.len(), 100);
    running.stop().await;
}
