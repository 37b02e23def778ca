//! The query plans of `PostgreSQL` for the event routes: each uses an index.

use std::time::Duration;

use reqwest::Method;
use secrecy::SecretString;
use serde_json::json;

use crate::support::app::TestApp;
use crate::support::database::Backend;
use crate::support::postgres::{Durability, Postgres};
use crate::support::wait::eventually;

const DATABASE: &str = "plans";
/// After five uses of a statement, PostgreSQL uses a generic plan.
const USES: usize = 7;

/// Events of half a year, of a thousand users with five sessions each. The ids are ordered by time.
const EVENTS: &str = "INSERT INTO events (id, subject, user_id, user_seq, schema_version, payload, occurred_at, published_at, session_id) \
     SELECT (lpad(to_hex(at), 12, '0') || '7' || substr(md5(n::text), 1, 3) || '8' || substr(md5(n::text), 4, 15))::uuid, \
     'auth.user.' || (ARRAY['logged_in', 'token_refreshed', 'token_refreshed', 'custom', 'logged_out'])[1 + n % 5], \
     ('00000000-0000-7000-8000-' || lpad(to_hex(n % 1000), 12, '0'))::uuid, n, 1, convert_to('{\"n\":' || n || ',\"filler\":\"' || repeat('x', 300) || '\"}', 'UTF8'), \
     at, at, ('00000000-0000-7001-8000-' || lpad(to_hex(n % 5000), 12, '0'))::uuid \
     FROM (SELECT n, 1780000000000 + n * 77760::bigint AS at FROM generate_series(1, 200000) n) AS times";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_ledger_query_uses_an_index() {
    let mut postgres = Postgres::private(Durability::Fast).await;
    postgres.create_database(DATABASE, None).await;
    let url = postgres.url(DATABASE);
    let builder = TestApp::builder(Backend::Postgres);
    let builder = builder.settings(move |settings| settings.database.url = Some(SecretString::from(url)));
    let app = builder.spawn().await;
    let root = app.registered("root@example.com").await;
    let id = root.str("/user/id").to_owned();
    for sql in [EVENTS, "UPDATE users SET roles = 'user admin'", "VACUUM ANALYZE"] {
        postgres.execute(DATABASE, sql).await.expect("prepare the ledger");
    }
    until_counted(&postgres).await;

    log_query_plans(&postgres).await;
    let tokens = eventually(Duration::from_secs(60), || async {
        let answer = app.login("root@example.com", crate::support::app::PASSWORD).await;
        if answer.status == 200 {
            Ok(answer.tokens())
        } else {
            Err(answer.text)
        }
    });
    let access = tokens.await.access;

    let paths = paths(&id);
    for path in &paths {
        let before = postgres.process().log().len();
        for _ in 0..USES {
            let answer = app.get_as(&access, path).await;
            assert!(answer.status == 200 || answer.status == 404, "{path}: {}", answer.text);
        }
        let log = postgres.process().log();
        let plans = &log[before..];
        assert!(
            plans.contains("on events") || plans.contains("events_"),
            "{path}: the log contains no plan:\n{plans}"
        );
        assert_indexed(path, plans);
    }
    // The streams, and the queries in the background.
    let before = postgres.process().log().len();
    for from in ["?from=1", "?from=2026-08-01T00:00:00Z", "?type=deleted&from=150000", ""] {
        let mut stream =
            crate::support::sse::EventSource::open(&app, &access, &format!("/events/stream{from}"), None).await;
        stream.frame().await.expect("a greeting");
        app.send_as(&access, Method::POST, "/events", &json!({"name": "seen"}))
            .await
            .expect_status(202);
        if from.contains("from=1") || from.is_empty() {
            stream.frame().await.expect("an event");
        }
    }
    until_counted(&postgres).await;
    let log = postgres.process().log();
    assert!(
        log[before..].contains("CASE WHEN"),
        "the log contains no plan of the stream"
    );
    assert_indexed("/events/stream", &log[before..]);
    app.abandon().await;
}

/// Log every query plan of new connections. Close the open connections.
async fn log_query_plans(postgres: &Postgres) {
    for sql in [
        "ALTER DATABASE plans SET session_preload_libraries = 'auto_explain'",
        "ALTER DATABASE plans SET auto_explain.log_min_duration = 0",
        "ALTER DATABASE plans SET auto_explain.log_nested_statements = on",
    ] {
        postgres.execute(DATABASE, sql).await.expect("explain everything");
    }
    let disconnect =
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = 'plans' AND pid <> pg_backend_pid()";
    postgres
        .execute("postgres", disconnect)
        .await
        .expect("close the connections");
}

/// Every combination of filters.
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
fn assert_indexed(query: &str, plans: &str) {
    let scan = plans.find("Seq Scan on events");
    // The table of counts is small. A scan of it is fine.
    let scan = scan.filter(|at| !plans[*at..].starts_with("Seq Scan on event_counts"));
    if let Some(at) = scan {
        let begin = plans[..at].rfind("Query Text").unwrap_or(0);
        let end = plans.len().min(at + 600);
        panic!("{query} scans the whole ledger:\n{}", &plans[begin..end]);
    }
}

/// Wait until the rollup has counted every event.
async fn until_counted(postgres: &Postgres) {
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
