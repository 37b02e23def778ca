use watchword_events::EventKind;

use crate::example::Example;
use crate::support::{NatsServer, create_stream, event, eventually, publish};

#[tokio::test]
async fn tail_prints_one_line_per_event() {
    let server = NatsServer::start().await;
    let context = server.jetstream().await;
    create_stream(&context).await;
    publish(&context, &event(EventKind::Registered, 1)).await;
    let mut tail = Example::new("tail", &server).start();
    let line = tail.line().await;
    let start = r#"1 auth.user.registered {"userId":"01a2031e-cd40-7b21-9f0d-3a7e5c8d1b02","timestamp":"2026-11-22T"#;
    assert!(line.starts_with(start) && line.contains(r#""email":"ada@example.com""#), "{line}");
    publish(&context, &event(EventKind::LoggedIn, 2)).await;
    assert!(tail.line().await.starts_with("2 auth.user.logged_in {"));
    tail.stop().await;
}

#[tokio::test]
async fn tail_new_prints_only_new_events() {
    let server = NatsServer::start().await;
    let context = server.jetstream().await;
    let stream = create_stream(&context).await;
    publish(&context, &event(EventKind::Registered, 1)).await;
    let mut tail = Example::new("tail", &server).argument("new").start();
    eventually("tail reads", async || {
        (stream.get_info().await.ok()?.state.consumer_count == 1).then_some(())
    })
    .await;
    publish(&context, &event(EventKind::LoggedIn, 2)).await;
    assert!(tail.line().await.starts_with("2 auth.user.logged_in {"));
    tail.stop().await;
}

#[tokio::test]
async fn an_unreachable_nats_is_an_error_with_advice() {
    let mut server = NatsServer::start().await;
    server.kill();
    let error = Example::new("tail", &server).failure().await;
    assert!(
        error.starts_with("Error: cannot reach NATS: start the service with `make run`, or set NATS_URL"),
        "{error}"
    );
    assert!(error.contains("Connection refused"), "{error}");
}
