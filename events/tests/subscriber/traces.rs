//! The publisher's trace goes on in the handler.

use watchword_events::{EventKind, Failure, TraceParent};

use super::logs::Logs;
use super::support::{NatsServer, create_stream, event, publish};
use super::{durable, settled};

#[tokio::test]
async fn what_a_handler_logs_and_why_it_failed_carry_the_publishers_trace() {
    let logs = Logs::collect();
    let server = NatsServer::start().await;
    let context = server.jetstream().await;
    create_stream(&context).await;
    let original = event(EventKind::LoggedIn, 1);
    publish(&context, &original).await;
    let connected = durable().connect(&server.url()).await.unwrap();
    let task = tokio::spawn(connected.run(|_, delivery| async move {
        tracing::info!("the handler is at work");
        match delivery.attempt {
            1 => Err(Failure::retry("busy")),
            _ => Ok(()),
        }
    }));
    settled(&context, 1).await;
    let trace: TraceParent = original.metadata.traceparent.unwrap().parse().unwrap();
    let (trace, parent, id) = (trace.trace_id(), trace.span_id(), original.id.to_string());
    for text in ["the handler is at work", "the event will be tried again"] {
        logs.line(&[text, "durable=\"test-reader\"", &trace, &parent, &id])
            .await;
    }
    task.abort();
}
