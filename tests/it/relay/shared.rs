//! Others that publish into the stream.

use std::time::Duration;

use super::rig::{Rig, STREAM};
use crate::support::database::Backend;
use crate::support::flow_tests;
use crate::support::invariants::differences;
use crate::support::nats::NatsServer;

flow_tests! {
    messages_of_others_move_no_event,
}

async fn messages_of_others_move_no_event(backend: Backend) {
    let nats = NatsServer::start().await;
    let rig = Rig::new(backend, &nats).await;
    let running = rig.start().await;
    running.ready().await;
    let context = nats.jetstream().await;
    for _ in 0..20 {
        rig.record(3, 20).await;
        let published = context.publish("auth.user.logged_in", "{}".into()).await.expect("publish");
        published.await.expect("an acknowledgement");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    rig.drained().await;
    let messages = nats.messages(STREAM).await;
    let (ours, others): (Vec<_>, Vec<_>) =
        messages.into_iter().partition(|message| message.header("Nats-Msg-Id").is_some());
    assert_eq!(others.len(), 20);
    let ledger = rig.database.ledger().await.expect("the ledger");
    assert_eq!(differences(&ledger, &ours), Vec::<String>::new());
    assert!(running.metric("watchword_stream_foreign_messages_total") > 0.0);
    running.stop().await;
}
