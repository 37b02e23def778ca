//! `watchword events reconcile`.

use std::time::Duration;

use super::rig::{SEEDED, events, options_on, seed};
use crate::support::app::{PASSWORD, TestApp};
use crate::support::binary::{Binary, run};
use crate::support::database::{Backend, Database};
use crate::support::flow_tests;
use crate::support::invariants::differences;
use crate::support::nats::NatsServer;
use crate::support::run_dir::scratch;
use crate::support::wait::eventually;

flow_tests! {
    reconcile_is_refused_while_a_leader_runs,
    reconcile_publishes_what_the_stream_lost,
}

const TIMEOUT: Duration = Duration::from_secs(60);

async fn reconcile_is_refused_while_a_leader_runs(backend: Backend) {
    let app = TestApp::spawn(backend).await;
    app.registered("ada@example.com").await;
    // The leader publishes it, so a leader runs.
    app.ledger_drained().await;
    let ended = events(&app, &["reconcile"]).await;
    assert_eq!(ended.status.code(), Some(4), "{ended:?}");
    assert!(ended.stderr.contains("an instance of the service is running"), "{ended:?}");
    app.finish().await;
}

async fn reconcile_publishes_what_the_stream_lost(backend: Backend) {
    let data_dir = scratch("app");
    let database = Database::fresh(backend, &data_dir).await;
    let nats = NatsServer::start().await;
    let command = |args: &[&str]| {
        let options = options_on(&data_dir, &database, &nats, args);
        options.with("WATCHWORD__STREAM__MAX_AGE", "3650d")
    };
    let mut service = Binary::start(command(&["serve"])).await;
    service.http().register("ada@example.com", PASSWORD).await;
    seed(&database).await;
    eventually(TIMEOUT, || async { database.unpublished().await.expect("a count") == 0 }).await;
    service.stop().await;

    // An operator creates the stream again, empty.
    let context = nats.jetstream().await;
    let config = context.get_stream("auth-events").await.expect("the stream");
    let config = config.cached_info().config.clone();
    context.delete_stream("auth-events").await.expect("delete");
    context.create_stream(config).await.expect("create");
    let all = u64::try_from(SEEDED + 1).expect("a number");
    let ended = run(command(&["events", "verify"]), "").await;
    assert_eq!(ended.status.code(), Some(1), "{ended:?}");
    assert!(ended.stdout.contains(&format!("missing       {all}\n")), "{ended:?}");

    let ended = run(command(&["events", "reconcile", "--format", "json"]), "").await;
    assert!(ended.status.success(), "{ended:?}");
    assert_eq!(ended.stdout, format!("{{\"settled\":0,\"reopened\":{all}}}\n"), "{ended:?}");
    assert_eq!(database.unpublished().await.expect("a count").unsigned_abs(), all);
    let ended = run(command(&["events", "verify"]), "").await;
    assert!(ended.status.success(), "unpublished events are not missing: {ended:?}");

    let mut service = Binary::start(command(&["serve"])).await;
    eventually(TIMEOUT, || async { database.unpublished().await.expect("a count") == 0 }).await;
    let ledger = database.ledger().await.expect("the ledger");
    let found = differences(&ledger, &nats.messages("auth-events").await);
    assert!(found.is_empty(), "{found:?}");
    service.stop().await;
    let ended = run(command(&["events", "reconcile"]), "").await;
    assert!(ended.stdout.contains("Reopened 0 events "), "{ended:?}");
    database.remove().await;
}
