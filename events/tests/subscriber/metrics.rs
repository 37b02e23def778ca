//! What a subscriber reports to metrics.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use watchword_events::subscriber::{DeliveryOutcome, Metrics};
use watchword_events::{DeliveryInfo, EventKind, HandlerError};

use super::support::{NatsServer, create_stream, event, eventually, publish};
use super::{Running, durable, settled};

#[derive(Clone, Default)]
struct Seen(Arc<Mutex<Vec<String>>>);

impl Metrics for Seen {
    fn received(&self, subject: &str, delivery: &DeliveryInfo) {
        let line = format!("received {subject} attempt {} lag {}", delivery.attempt, delivery.pending);
        self.0.lock().unwrap().push(line);
    }

    fn settled(&self, subject: &str, outcome: DeliveryOutcome, took: Duration) {
        assert!(took < Duration::from_secs(10));
        self.0.lock().unwrap().push(format!("settled {subject} {outcome:?}"));
    }

    fn unconfirmed(&self, subject: &str, outcome: DeliveryOutcome) {
        self.0.lock().unwrap().push(format!("unconfirmed {subject} {outcome:?}"));
    }
}

#[tokio::test]
async fn metrics_get_every_delivery_with_its_lag_and_outcome() {
    let server = NatsServer::start().await;
    let context = server.jetstream().await;
    create_stream(&context).await;
    for (number, kind) in [
        (1, EventKind::Registered),
        (2, EventKind::Deleted),
        (3, EventKind::LoggedIn),
    ] {
        publish(&context, &event(kind, number)).await;
    }
    let seen = Seen::default();
    let subscriber = durable().strict_order().without_dead_letters().metrics(seen.clone());
    let running = Running::start(subscriber, &server.url(), |received, delivery| {
        match (received.id.as_u128(), delivery.attempt) {
            (1, 1) => Err(HandlerError::retry("busy")),
            (2, _) => Err(HandlerError::poison("no")),
            _ => Ok(()),
        }
    })
    .await;
    settled(&context, 3).await;
    let expected = [
        "received auth.user.registered attempt 1 lag 2",
        "settled auth.user.registered Retried",
        "received auth.user.registered attempt 2 lag 2",
        "settled auth.user.registered Acked",
        "received auth.user.deleted attempt 1 lag 1",
        "settled auth.user.deleted DeadLettered",
        "received auth.user.logged_in attempt 1 lag 0",
        "settled auth.user.logged_in Acked",
    ];
    eventually("all reports", async || (seen.0.lock().unwrap().len() >= expected.len()).then_some(())).await;
    assert_eq!(*seen.0.lock().unwrap(), expected);
    running.stop().await;
}

#[tokio::test]
async fn metrics_get_an_unconfirmed_acknowledgement() {
    let server = NatsServer::start().await;
    let context = server.jetstream().await;
    create_stream(&context).await;
    publish(&context, &event(EventKind::Registered, 1)).await;
    let seen = Seen::default();
    let connected = durable().metrics(seen.clone()).connect(&server.url()).await.unwrap();
    let task = tokio::spawn(connected.run({
        let context = context.clone();
        move |_, _| {
            let context = context.clone();
            async move {
                // The durable is deleted while its event is in flight.
                context.delete_consumer_from_stream(super::DURABLE, "auth-events").await?;
                Ok(())
            }
        }
    }));
    eventually("the report", async || {
        let seen = seen.0.lock().unwrap();
        seen.iter().any(|line| line == "unconfirmed auth.user.registered Acked").then_some(())
    })
    .await;
    task.abort();
}
