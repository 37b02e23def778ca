//! The publisher's trace continues in the handler.

use watchword_events::{EventKind, HandlerError, TraceParent};

use super::logs::Logs;
use super::support::{NatsServer, create_stream, event, publish};
use super::{durable, settled};

#[tokio::test]
async fn log_lines_of_a_handler_and_of_its_failure_carry_the_publishers_trace() {
    let logs = Logs::capture();
    let server = NatsServer::start().await;
    let context = server.jetstream().await;
    create_stream(&context).await;
    let original = event(EventKind::LoggedIn, 1);
    publish(&context, &original).await;
    let connected = durable().connect(&server.url()).await.unwrap();
    let task = tokio::spawn(connected.run(|_, delivery| async move {
        tracing::info!("handling the event");
        match delivery.attempt {
            1 => Err(HandlerError::retry("busy")),
            _ => Ok(()),
        }
    }));
    settled(&context, 1).await;
    let trace: TraceParent = original.metadata.traceparent.unwrap().parse().unwrap();
    let (trace, parent, id) = (trace.trace_id(), trace.span_id(), original.id.to_string());
    for text in ["handling the event", "event failed; retrying"] {
        logs.line(&[text, "durable=\"test-reader\"", &trace, &parent, &id]).await;
    }
    task.abort();
}
