//! Published events beyond their retention are deleted.

use time::{Duration, OffsetDateTime};
use watchword::domain::clock::Clock as _;
use watchword::domain::ids::LedgerSeq;

use crate::support::{app::PASSWORD, app::TestApp, clock::TestClock, database::Backend, flow_tests};

flow_tests! {
    events_beyond_their_retention_are_deleted,
}

async fn events_beyond_their_retention_are_deleted(backend: Backend) {
    let clock = TestClock::frozen();
    let app = TestApp::builder(backend).clock(clock.clone()).spawn().await;
    app.register("ada@example.com", PASSWORD).await.expect_status(201);
    app.login("ada@example.com", PASSWORD).await.expect_status(200);
    app.ledger_drained().await;
    let ledger = app.store().ledger();
    let prune = |after: LedgerSeq, before: OffsetDateTime, limit| {
        let ledger = ledger.clone();
        async move { ledger.delete_published(after, before, limit).await.expect("prune") }
    };

    let kept = prune(0.into(), clock.now() - Duration::DAY, 1).await;
    assert_eq!((kept.deleted, kept.more), (0, false), "an event within its retention was deleted");

    let first = prune(kept.through, clock.now() + Duration::DAY, 1).await;
    let second = prune(first.through, clock.now() + Duration::DAY, 1).await;
    assert_eq!([first, second].map(|step| (step.deleted, step.more)), [(1, true), (1, true)]);
    assert!(app.ledger().await.is_empty());
    app.abandon().await;
}
