//! Reconciling the ledger and the stream: events that the stream lost are published again, stored
//! ones are not, and deleted ones stay deleted.

use std::fs;
use std::path::Path;
use std::time::Duration;

use watchword::jetstream::desired;

use super::rig::{Rig, STREAM};
use crate::support::database::Backend;
use crate::support::flow_tests;
use crate::support::nats::NatsServer;

flow_tests! {
    a_stream_deleted_while_connected_is_filled_again,
    a_server_that_lost_its_store_is_filled_again,
    a_server_that_lost_the_end_of_its_stream_gets_it_again,
    a_stored_but_unsettled_event_is_not_published_again,
    a_purged_or_deleted_message_is_not_published_again,
}

async fn a_stream_deleted_while_connected_is_filled_again(backend: Backend) {
    let nats = NatsServer::start().await;
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
    crate::support::wait::eventually(super::rig::TIMEOUT, || async {
        (nats.messages(STREAM).await.len() == 1204).then_some(())
    })
    .await;
    assert_eq!(running.metric("watchword_reconcile_repairs_total") as u64, 1200);
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
    crate::support::wait::eventually(super::rig::TIMEOUT, || async {
        running.metric("watchword_reconcile_repairs_total") >= 1200.0
    })
    .await;
    let messages = rig.assert_consistent(&nats).await;
    assert_eq!(messages.len(), 1200);
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
    crate::support::wait::eventually(super::rig::TIMEOUT, || async {
        running.metric("watchword_reconcile_repairs_total") >= 600.0
    })
    .await;
    let messages = rig.assert_consistent(&nats).await;
    assert_eq!(messages.len(), 920);
    running.stop().await;
}

async fn a_stored_but_unsettled_event_is_not_published_again(backend: Backend) {
    let nats = NatsServer::start().await;
    let rig = Rig::new(backend, &nats).await;
    // The duplicate window is short, so that only a comparison with the stream prevents a second
    // copy.
    let mut definition = desired(&rig.settings.stream).expect("the definition");
    definition.duplicate_window = Duration::from_millis(100);
    nats.jetstream().await.create_stream(definition).await.expect("create the stream");
    rig.record(4, 300).await;
    let running = rig.start().await;
    rig.assert_consistent(&nats).await;
    running.kill().await;
    // At most two batches: one is settled while the next is published.
    for unsettled in [1000, 400, 90, 1] {
        let sql = format!(
            "UPDATE events SET published_at = NULL, stream_seq = NULL WHERE seq IN (SELECT seq FROM events ORDER BY seq DESC LIMIT {unsettled})"
        );
        rig.execute(&sql).await;
        tokio::time::sleep(Duration::from_millis(200)).await;
        let running = rig.start().await;
        rig.record(1, 1).await;
        let messages = rig.assert_consistent(&nats).await;
        assert!(running.metric("watchword_event_publish_duplicates_total").abs() < f64::EPSILON);
        assert_eq!(messages.iter().map(|message| message.seq).max(), u64::try_from(messages.len()).ok());
        running.stop().await;
    }
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
    assert!(running.metric("watchword_reconcile_repairs_total").abs() < f64::EPSILON);
    running.stop().await;
}

fn copy_directory(from: &Path, to: &Path) {
    fs::create_dir_all(to).expect("create a directory");
    for entry in fs::read_dir(from).expect("read a directory") {
        let entry = entry.expect("an entry");
        let target = to.join(entry.file_name());
        if entry.file_type().expect("its type").is_dir() {
            copy_directory(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).expect("copy a file");
        }
    }
}
