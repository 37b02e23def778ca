//! The query plans of `PostgreSQL` for the event routes: each uses an index.

use std::time::Duration;

use reqwest::Method;
use serde_json::json;

use crate::support::plans::{Plans, USES, excerpt};
use crate::support::postgres::Postgres;
use crate::support::sse::{EventSource, cursor_at};
use crate::support::wait::eventually;

const DATABASE: &str = "plans";

/// Events of half a year, of a thousand users with five sessions each. The ids are ordered by time.
const EVENTS: &str = "INSERT INTO events (id, subject, user_id, user_seq, schema_version, payload, occurred_at, session_id) \
     SELECT (lpad(to_hex(at), 12, '0') || '7' || substr(md5(n::text), 1, 3) || '8' || substr(md5(n::text), 4, 15))::uuid, \
     'auth.user.' || (ARRAY['logged_in', 'token_refreshed', 'token_refreshed', 'custom', 'logged_out'])[1 + n % 5], \
     ('00000000-0000-7000-8000-' || lpad(to_hex(n % 1000), 12, '0'))::uuid, n, 1, convert_to('{\"n\":' || n || ',\"filler\":\"' || repeat('x', 300) || '\"}', 'UTF8'), \
     at, ('00000000-0000-7001-8000-' || lpad(to_hex(n % 5000), 12, '0'))::uuid \
     FROM (SELECT n, 1780000000000 + n * 77760::bigint AS at FROM generate_series(1, 200000) n) AS times";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_ledger_query_uses_an_index() {
    let plans = Plans::of(DATABASE, &[EVENTS, "VACUUM ANALYZE"]).await;
    until_counted(&plans.postgres).await;
    let access = plans.explain().await;
    let app = &plans.app;

    for path in &paths(&plans.user_id) {
        let logged = plans.during(async {
            for _ in 0..USES {
                let answer = app.get_as(&access, path).await;
                assert!(answer.status == 200 || answer.status == 404, "{path}: {}", answer.text);
            }
        });
        let logged = logged.await;
        assert!(
            logged.contains("on events") || logged.contains("events_"),
            "{path}: the log contains no plan:\n{logged}"
        );
        assert_indexed(path, &logged);
    }
    // The streams, and the queries in the background.
    let beginning = format!("?after={}", cursor_at(0));
    let rare = format!("?subject=auth.user.deleted&after={}", cursor_at(150_000));
    let logged = plans.during(async {
        for from in [beginning.as_str(), "?from=2026-08-01T00:00:00Z", rare.as_str(), ""] {
            let path = format!("/events/stream{from}");
            let mut stream = EventSource::open(app, &access, &path, None).await;
            stream.frame().await.expect("a greeting");
            app.send_as(&access, Method::POST, "/events", &json!({"name": "seen"}))
                .await
                .expect_status(202);
            if from == beginning || from == rare || from.is_empty() {
                stream.frame().await.expect("an event");
            }
        }
        until_counted(&plans.postgres).await;
    });
    let logged = logged.await;
    assert!(logged.contains("CASE WHEN"), "the log contains no plan of the stream");
    assert_indexed("/events/stream", &logged);
    plans.app.abandon().await;
}

/// Every combination of filters.
fn paths(id: &str) -> Vec<String> {
    let user = uuid::Uuid::from_u128(0x7000_8000_0000_0000_0007);
    let session = uuid::Uuid::from_u128(0x7001_8000_0000_0000_0007);
    let range = "from=2026-06-10T00:10:00Z&to=2026-08-20T13:31:00Z";
    vec![
        "/events".to_owned(),
        format!("/events?{range}"),
        "/events?subject=auth.user.logged_in".to_owned(),
        "/events?subject=auth.user.deleted".to_owned(),
        format!("/events?subject=auth.custom&{range}"),
        format!("/events?userId={user}"),
        format!("/events?userId={user}&subject=auth.user.deleted&{range}"),
        format!("/events?sessionId={session}"),
        format!("/events?userId={user}&sessionId={session}&subject=auth.user.logged_in&{range}"),
        format!("/events?after={}", cursor_at(100_000)),
        format!("/events?order=asc&after={}", cursor_at(100_000)),
        format!("/events?order=asc&subject=auth.user.deleted&{range}"),
        "/events/recent?limit=200".to_owned(),
        format!("/events/{}", uuid::Uuid::from_u128(7)),
        "/auth/me/activity".to_owned(),
        "/auth/me/activity?subject=auth.user.deleted".to_owned(),
        "/analytics/top-events".to_owned(),
        format!("/analytics/top-events?{range}"),
        "/analytics/timeline?bucket=hour".to_owned(),
        format!("/analytics/timeline?bucket=day&subject=auth.user.logged_in&{range}"),
        format!("/analytics/users/{id}"),
    ]
}

#[track_caller]
fn assert_indexed(query: &str, plans: &str) {
    let scans = plans.match_indices("Seq Scan on events").map(|(at, _)| at);
    // A sequence has one row.
    let mut scans = scans.filter(|at| !plans[*at..].starts_with("Seq Scan on events_seq_seq"));
    if let Some(at) = scans.next() {
        panic!("{query} scans the whole ledger:\n{}", excerpt(plans, at));
    }
}

/// Wait until the rollup has counted every event.
async fn until_counted(postgres: &Postgres) {
    let unequal = "DO $$ BEGIN IF (SELECT max(seq) FROM events) > (SELECT seq FROM event_counts_mark) THEN \
         RAISE EXCEPTION 'not yet'; END IF; END $$";
    eventually(Duration::from_secs(60), || async {
        postgres.execute(DATABASE, unequal).await.map_err(|error| error.to_string())
    })
    .await;
}
