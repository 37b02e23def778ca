//! Published events beyond their retention are deleted.

use time::{Duration, OffsetDateTime};
use watchword::domain::clock::Clock as _;
use watchword::domain::ids::LedgerSeq;
use watchword::store::Prune;

use crate::support::{app::PASSWORD, app::TestApp, clock::TestClock, database::Backend, flow_tests};

flow_tests! {
    events_beyond_their_retention_are_deleted,
    an_event_of_the_future_does_not_keep_those_behind_it,
}

async fn events_beyond_their_retention_are_deleted(backend: Backend) {
    let clock = TestClock::frozen();
    let app = TestApp::builder(backend).clock(clock.clone()).spawn().await;
    app.register("ada@example.com", PASSWORD).await.expect_status(201);
    app.login("ada@example.com", PASSWORD).await.expect_status(200);
    app.ledger_drained().await;
    let ledger = app.store().ledger();
    let prune = |before: OffsetDateTime, after, limit| {
        let (ledger, now) = (ledger.clone(), clock.now());
        async move {
            let prune = Prune { before, now: now.max(before), after };
            ledger.delete_published(prune, limit).await.expect("prune")
        }
    };

    let kept = prune(clock.now() - Duration::DAY, LedgerSeq::default(), 1).await;
    assert_eq!((kept.deleted, kept.more), (0, false), "an event within its retention was deleted");

    let first = prune(clock.now() + Duration::DAY, LedgerSeq::default(), 1).await;
    let second = prune(clock.now() + Duration::DAY, first.through, 1).await;
    assert_eq!([first, second].map(|step| (step.deleted, step.more)), [(1, true), (1, true)]);
    assert!(app.ledger().await.is_empty());
    app.abandon().await;
}

/// The clock of one host was years ahead when it recorded an event.
async fn an_event_of_the_future_does_not_keep_those_behind_it(backend: Backend) {
    let clock = TestClock::frozen();
    let app = TestApp::builder(backend).clock(clock.clone()).spawn().await;
    app.register("ada@example.com", PASSWORD).await.expect_status(201);
    for _ in 0..3 {
        app.login("ada@example.com", PASSWORD).await.expect_status(200);
    }
    app.ledger_drained().await;
    let ahead = "UPDATE events SET occurred_at = occurred_at + 315360000000 \
         WHERE seq = (SELECT min(seq) + 1 FROM events)";
    app.database.execute(ahead).await.expect("date an event forward");
    let later = clock.now() + Duration::DAY;
    let prune = Prune { before: later, now: later, after: LedgerSeq::default() };
    let deleted = app.store().ledger().delete_published(prune, 100).await.expect("prune");
    assert_eq!(deleted.deleted, 4);
    app.abandon().await;
}
