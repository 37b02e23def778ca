//! How `PostgreSQL` carries out what the routes ask: with an index each, said by the server itself.

use std::time::Duration;

use reqwest::Method;
use serde_json::json;

use crate::support::plans::{Plans, USES, excerpt};
use crate::support::postgres::Postgres;
use crate::support::sse::EventSource;
use crate::support::wait::eventually;

const DATABASE: &str = "plans";

/// Events of half a year, of a thousand users with five sessions each; their ids are of their times.
const EVENTS: &str = "INSERT INTO events (id, subject, user_id, user_seq, schema_version, payload, occurred_at, published_at, session_id) \
     SELECT (lpad(to_hex(at), 12, '0') || '7' || substr(md5(n::text), 1, 3) || '8' || substr(md5(n::text), 4, 15))::uuid, \
     'auth.user.' || (ARRAY['logged_in', 'token_refreshed', 'token_refreshed', 'custom', 'logged_out'])[1 + n % 5], \
     ('00000000-0000-7000-8000-' || lpad(to_hex(n % 1000), 12, '0'))::uuid, n, 1, convert_to('{\"n\":' || n || ',\"filler\":\"' || repeat('x', 300) || '\"}', 'UTF8'), \
     at, at, ('00000000-0000-7001-8000-' || lpad(to_hex(n % 5000), 12, '0'))::uuid \
     FROM (SELECT n, 1780000000000 + n * 77760::bigint AS at FROM generate_series(1, 200000) n) AS times";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_ledger_query_uses_an_index() {
    let plans = Plans::of(DATABASE, &[EVENTS, "VACUUM ANALYZE"]).await;
    counted_up(&plans.postgres).await;
    let access = plans.explain().await;
    let app = &plans.app;

    for path in &paths(&plans.user_id) {
        let made = plans.during(async {
            for _ in 0..USES {
                let answer = app.get_as(&access, path).await;
                assert!(answer.status == 200 || answer.status == 404, "{path}: {}", answer.text);
            }
        });
        let made = made.await;
        assert!(
            made.contains("on events") || made.contains("events_"),
            "{path}: nothing was explained:\n{made}"
        );
        assert_indexed(path, &made);
    }
    // The streams, and everything that went on meanwhile.
    let made = plans.during(async {
        for from in ["?from=1", "?from=2026-08-01T00:00:00Z", "?type=deleted&from=150000", ""] {
            let path = format!("/events/stream{from}");
            let mut stream = EventSource::open(app, &access, &path, None).await;
            stream.frame().await.expect("a greeting");
            app.send_as(&access, Method::POST, "/events", &json!({"name": "seen"}))
                .await
                .expect_status(202);
            if from.contains("from=1") || from.is_empty() {
                stream.frame().await.expect("an event");
            }
        }
        counted_up(&plans.postgres).await;
    });
    let made = made.await;
    assert!(made.contains("CASE WHEN"), "the stream was explained");
    assert_indexed("/events/stream", &made);
    plans.app.abandon().await;
}

/// Every way to ask.
fn paths(id: &str) -> Vec<String> {
    let user = uuid::Uuid::from_u128(0x7000_8000_0000_0000_0007);
    let session = uuid::Uuid::from_u128(0x7001_8000_0000_0000_0007);
    let range = "from=2026-06-10T00:10:00Z&to=2026-08-20T13:31:00Z";
    vec![
        "/events".to_owned(),
        format!("/events?{range}"),
        "/events?type=logged_in".to_owned(),
        "/events?type=deleted".to_owned(),
        format!("/events?type=custom&{range}"),
        format!("/events?userId={user}"),
        format!("/events?userId={user}&type=deleted&{range}"),
        format!("/events?sessionId={session}"),
        format!("/events?userId={user}&sessionId={session}&type=logged_in&{range}"),
        format!(
            "/events?after={}",
            uuid::Uuid::from_u128(0x019e_ae0d_9c00_7000_8000_0000_0000_0000)
        ),
        "/events/recent?limit=200".to_owned(),
        format!("/events/{}", uuid::Uuid::from_u128(7)),
        "/auth/me/activity".to_owned(),
        "/auth/me/activity?type=deleted".to_owned(),
        "/analytics/top-events".to_owned(),
        format!("/analytics/top-events?{range}"),
        "/analytics/timeline?bucket=hour".to_owned(),
        format!("/analytics/timeline?bucket=day&type=logged_in&{range}"),
        format!("/analytics/users/{id}"),
    ]
}

#[track_caller]
fn assert_indexed(what: &str, plans: &str) {
    let scan = plans.find("Seq Scan on events");
    // The table of counts is small, and read whole when all of it is asked for.
    let scan = scan.filter(|at| !plans[*at..].starts_with("Seq Scan on event_counts"));
    if let Some(at) = scan {
        panic!("{what} reads the whole ledger:\n{}", excerpt(plans, at));
    }
}

/// Waits until every event is counted into its hour.
async fn counted_up(postgres: &Postgres) {
    let unequal = "DO $$ BEGIN IF (SELECT max(seq) FROM events) > (SELECT seq FROM event_counts_mark) THEN \
         RAISE EXCEPTION 'not yet'; END IF; END $$";
    eventually(Duration::from_secs(60), || async {
        postgres
            .execute(DATABASE, unequal)
            .await
            .map_err(|error| error.to_string())
    })
    .await;
}
