//! The stream is created, verified, reported and refused; and the commands for operators.

use async_nats::jetstream::stream::Config;
use watchword::jetstream::{Applied, NatsError, StreamAdmin, StreamFault, StreamState, desired};

use super::rig::{Rig, STREAM, TIMEOUT};
use crate::support::database::Backend;
use crate::support::nats::NatsServer;
use crate::support::wait::eventually;

async fn rig_with(change: impl FnOnce(&mut Config)) -> (NatsServer, Rig) {
    let nats = NatsServer::start().await;
    let rig = Rig::new(Backend::Sqlite, &nats).await;
    let mut definition = desired(&rig.settings.stream).expect("the definition");
    change(&mut definition);
    nats.jetstream().await.create_stream(definition).await.expect("create a stream");
    (nats, rig)
}

#[tokio::test]
async fn a_missing_stream_is_created_as_defined() {
    let nats = NatsServer::start().await;
    let rig = Rig::new(Backend::Sqlite, &nats).await;
    let running = rig.start().await;
    let StreamState::Ok(facts) = running.stream(|stream| matches!(stream, StreamState::Ok(_))).await else {
        return;
    };
    assert_eq!(facts.drift, vec![]);
    assert_eq!(facts.atomic, !nats.lacks("atomic batches", (2, 12)).await);
    assert_eq!(
        (facts.last_seq.get(), facts.max_msgs, facts.max_msg_size),
        (0, Some(100_000), Some(65_536))
    );
    let status = running.nats.status().borrow().clone();
    assert!(status.connected && status.server_version.is_some());
    assert_eq!(status.server_url, Some(nats.url()));
    running.stop().await;
}

#[tokio::test]
async fn a_foreign_stream_with_the_subject_is_refused_until_it_is_deleted() {
    let (nats, rig) = rig_with(|config| config.name = "other".to_owned()).await;
    rig.record(2, 5).await;
    let running = rig.start().await;
    let state = running.stream(|stream| matches!(stream, StreamState::Fault(_))).await;
    let StreamState::Fault(StreamFault::ForeignStream { owner, .. }) = &state else {
        panic!("{state:?}")
    };
    assert_eq!(owner, "other");
    assert!(running.metrics.render().contains(r#"watchword_stream_fault{reason="foreign_stream"} 1"#));
    assert_eq!(rig.database.unpublished().await.expect("count"), 10);
    assert_eq!(nats.messages("other").await.len(), 0);
    nats.jetstream().await.delete_stream("other").await.expect("delete it");
    assert_eq!(rig.assert_consistent(&nats).await.len(), 10);
    eventually(TIMEOUT, || async {
        running.metrics.render().contains(r#"watchword_stream_fault{reason="foreign_stream"} 0"#)
    })
    .await;
    running.stop().await;
}

#[tokio::test]
async fn a_stream_that_does_not_acknowledge_take_or_keep_events_is_refused() {
    for (change, code) in [
        ((|config| config.no_ack = true) as fn(&mut Config), "no_ack"),
        (|config| config.subjects = vec!["auth.user.registered".to_owned()], "subject_missing"),
        (|config| config.max_messages_per_subject = 1, "unfit"),
    ] {
        let (_nats, rig) = rig_with(change).await;
        rig.record(1, 1).await;
        let running = rig.start().await;
        let state = running.stream(|stream| matches!(stream, StreamState::Fault(_))).await;
        let StreamState::Fault(fault) = state else { return };
        assert_eq!(fault.code(), code);
        let line = format!("watchword_stream_fault{{reason=\"{code}\"}} 1\n");
        eventually(TIMEOUT, || async { running.metrics.render().contains(&line) }).await;
        assert_eq!(rig.database.unpublished().await.expect("count"), 1);
        running.stop().await;
    }
}

#[tokio::test]
async fn drift_is_reported_and_kept_until_an_operator_applies_the_definition() {
    let (nats, rig) = rig_with(|config| config.max_messages = 7).await;
    let running = rig.start().await;
    let StreamState::Ok(facts) = running.stream(|stream| matches!(stream, StreamState::Ok(_))).await else {
        return;
    };
    let drift: Vec<String> = facts.drift.iter().map(ToString::to_string).collect();
    assert_eq!(drift, ["max_msgs: 7 instead of 100000"]);
    running.stop().await;

    let admin = StreamAdmin::connect(&rig.settings).await.expect("connect");
    assert_eq!(admin.diff().await.expect("diff"), facts.drift);
    assert_eq!(admin.apply().await.expect("apply"), Applied::Updated(facts.drift));
    assert_eq!(admin.apply().await.expect("apply"), Applied::Unchanged);
    assert_eq!(admin.diff().await.expect("diff"), vec![]);
    let info = admin.info().await.expect("info");
    assert_eq!((info.name.as_str(), info.messages, info.replicas), (STREAM, 0, 1));
    nats.jetstream().await.delete_stream(STREAM).await.expect("delete it");
    assert!(matches!(admin.info().await, Err(NatsError::NoStream(_))));
    assert_eq!(admin.apply().await.expect("apply"), Applied::Created);
}
