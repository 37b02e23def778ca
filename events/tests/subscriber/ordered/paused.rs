//! Everything fails for longer than an event is held for the ones before it.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use watchword_events::HandlerError;
use watchword_events::subscriber::CancellationToken;

use super::super::support::{NatsServer, create_stream, eventually};
use super::{Copy, durable, publish_all, settled, soon};

const FAILURES: usize = 30;

#[tokio::test]
async fn an_outage_keeps_the_order_of_each_users_events() {
    let server = NatsServer::start().await;
    let context = server.jetstream().await;
    create_stream(&context).await;
    publish_all(&context, (1..=4).flat_map(|seq| (1..=4).map(move |user| (user, seq)))).await;

    let (stop, copy, failures) = (CancellationToken::new(), Copy::default(), Arc::new(AtomicUsize::new(0)));
    let subscriber = durable().max_deliver(2).concurrency(4).stop_on(stop.clone());
    let connected = subscriber.connect(&server.url()).await.unwrap();
    let ordered = connected.ordered_by_user().hole_timeout(Duration::from_millis(300));
    let (applied, failed) = (copy.clone(), Arc::clone(&failures));
    let task = tokio::spawn(ordered.run(copy.clone(), move |received, delivery| {
        let is_away = failed.fetch_add(1, Ordering::SeqCst) < FAILURES;
        if !is_away {
            applied.apply(&received, &delivery);
        }
        async move {
            if is_away {
                return Err(HandlerError::retry("connection refused"));
            }
            Ok(())
        }
    }));
    eventually("the outage is over", async || (failures.load(Ordering::SeqCst) >= FAILURES).then_some(())).await;
    settled(&context, 16).await;
    for user in 1..=4 {
        assert_eq!(copy.of(user), [1, 2, 3, 4], "user {user}");
    }
    assert!(copy.missing.lock().unwrap().is_empty(), "nothing was skipped");
    stop.cancel();
    soon(task).await.unwrap().unwrap();
}
