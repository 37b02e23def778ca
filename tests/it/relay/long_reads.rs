//! Reading a long end of the stream: the lease is kept, and the shutdown is heard.

use std::time::{Duration, Instant};

use secrecy::SecretString;

use super::rig::{Rig, STREAM, TIMEOUT};
use crate::support::database::Backend;
use crate::support::nats::NatsServer;
use crate::support::proxy::Proxy;
use crate::support::wait::eventually;

/// For a request and its answer, twice this passes; 64 messages are read at once.
const LATENCY: Duration = Duration::from_millis(300);

/// Publishes messages of somebody else.
async fn publish_foreign(nats: &NatsServer, count: usize) {
    let context = nats.jetstream().await;
    let mut acks = Vec::new();
    for _ in 0..count {
        acks.push(context.publish("auth.user.logged_in", "{}".into()).await.expect("publish"));
    }
    for ack in acks {
        ack.await.expect("an acknowledgement");
    }
}

/// Leads the service through a slow network.
async fn slow_down(rig: &mut Rig, nats: &NatsServer) -> Proxy {
    let port = nats.url().rsplit(':').next().and_then(|port| port.parse().ok()).expect("a port");
    let proxy = Proxy::to(port).await;
    proxy.set_latency(LATENCY);
    rig.settings.nats.url = Some(SecretString::from(format!("nats://127.0.0.1:{}", proxy.port())));
    proxy
}

/// Creates a stream with an event and `foreign` messages behind it, and records another event.
async fn behind_foreign_messages(backend: Backend, foreign: usize) -> (NatsServer, Rig) {
    let nats = NatsServer::start().await;
    let rig = Rig::new(backend, &nats).await;
    let running = rig.start().await;
    rig.record(1, 1).await;
    rig.drained().await;
    running.stop().await;
    publish_foreign(&nats, foreign).await;
    rig.record(1, 1).await;
    (nats, rig)
}

/// The database ends a session that is silent for ten seconds.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_lease_is_kept_while_a_long_end_is_read() {
    let (nats, mut rig) = behind_foreign_messages(Backend::Postgres, 1300).await;
    let proxy = slow_down(&mut rig, &nats).await;
    let began = Instant::now();
    let running = rig.start().await;
    rig.drained().await;
    assert!(began.elapsed() > Duration::from_secs(11), "the test reads too little");
    assert!((running.metric("watchword_relay_resumes_total") - 1.0).abs() < f64::EPSILON);
    assert!((running.metric("watchword_stream_foreign_messages_total") - 1300.0).abs() < f64::EPSILON);
    running.stop().await;
    drop(proxy);
    rig.database.remove().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_shutdown_is_heard_while_a_long_end_is_read() {
    let (nats, mut rig) = behind_foreign_messages(Backend::Sqlite, 1300).await;
    let proxy = slow_down(&mut rig, &nats).await;
    rig.flush_timeout = Duration::from_millis(300);
    let running = rig.start().await;
    eventually(TIMEOUT, || async { running.metric("watchword_relay_resumes_total") > 0.5 }).await;
    let began = Instant::now();
    running.stop().await;
    assert!(began.elapsed() < Duration::from_secs(6), "{:?}", began.elapsed());
    assert_eq!(rig.database.unpublished().await.expect("a count"), 1);
    drop(proxy);
}

#[tokio::test]
async fn a_new_ledger_goes_on_behind_an_old_stream() {
    let nats = NatsServer::start().await;
    let rig = Rig::new(Backend::Sqlite, &nats).await;
    let definition = watchword::jetstream::desired(&rig.settings.stream).expect("the definition");
    nats.jetstream().await.create_stream(definition).await.expect("create the stream");
    publish_foreign(&nats, 3000).await;
    let running = rig.start().await;
    rig.record(1, 3).await;
    rig.drained().await;
    let messages = nats.messages(STREAM).await;
    assert_eq!(messages.iter().filter(|message| message.header("Nats-Msg-Id").is_some()).count(), 3);
    running.stop().await;
}
