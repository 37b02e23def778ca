//! Event counts: for every range they match the ledger, before and after the rollup by hour.

use std::collections::BTreeMap;
use std::time::Duration;

use reqwest::Method;
use serde_json::{Value, json};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use uuid::Uuid;
use watchword_events::split_subject;

use crate::support::app::{PASSWORD, TestApp};
use crate::support::clock::TestClock;
use crate::support::database::Backend;
use crate::support::flow_tests;
use crate::support::wait::eventually;

flow_tests! {
    counts_match_the_ledger,
    only_administrators_may_read_counts,
    an_invalid_count_query_is_refused,
}

/// Each reading of the mark moves it on by an event afterwards, as the job does that catches up.
const MOVING_MARK: [&str; 3] = [
    "ALTER TABLE event_counts_mark RENAME TO stored_mark",
    "CREATE FUNCTION moving_mark() RETURNS bigint LANGUAGE plpgsql VOLATILE AS $$ \
     DECLARE reached bigint; following bigint; BEGIN \
       SELECT seq INTO reached FROM stored_mark; \
       SELECT min(seq) INTO following FROM events WHERE seq > reached; \
       IF following IS NOT NULL THEN \
         UPDATE stored_mark SET seq = following; \
         INSERT INTO event_counts (hour, subject, events) \
           SELECT occurred_at / 3600000, subject, 1 FROM events WHERE seq = following \
           ON CONFLICT (hour, subject) DO UPDATE SET events = event_counts.events + 1; \
       END IF; \
       RETURN reached; END $$",
    "CREATE VIEW event_counts_mark AS SELECT 1 AS id, moving_mark() AS seq",
];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn counts_are_exact_while_the_rollup_catches_up() {
    let clock = TestClock::frozen();
    let app = TestApp::builder(Backend::Postgres).clock(clock.clone()).spawn().await;
    let access = app.admin().await.access;
    app.ledger_drained().await;
    for statement in MOVING_MARK {
        app.database.execute(statement).await.expect(statement);
    }
    for _ in 0..30 {
        app.login("root@example.com", "not the password").await.expect_status(401);
    }
    let recorded = recorded(&app).await.len();
    for _ in 0..5 {
        let counts = app.get_as(&access, "/analytics/top-events?limit=100").await.expect_status(200).json;
        assert_eq!(counts["total"], json!(recorded), "{counts}");
    }
    for statement in [
        "DROP VIEW event_counts_mark",
        "ALTER TABLE stored_mark RENAME TO event_counts_mark",
    ] {
        app.database.execute(statement).await.expect(statement);
    }
    app.finish().await;
}

const HOUR: time::Duration = time::Duration::HOUR;

/// The time and the subject of each event: of its kind, since all custom events are counted as one.
type Recorded = Vec<(OffsetDateTime, String)>;

async fn recorded(app: &TestApp) -> Recorded {
    let events = app.ledger().await.into_iter().map(|row| {
        let payload: Value = serde_json::from_slice(&row.payload).expect("JSON");
        let at = payload["data"]["timestamp"].as_str().expect("a time");
        (
            OffsetDateTime::parse(at, &Rfc3339).expect("RFC 3339"),
            split_subject(&row.subject).0.to_owned(),
        )
    });
    events.collect()
}

/// Count the events by subject, without the rollup.
fn by_subject(recorded: &Recorded, from: OffsetDateTime, to: OffsetDateTime) -> Vec<Value> {
    let mut counts: BTreeMap<&str, u64> = BTreeMap::new();
    for (_, subject) in recorded.iter().filter(|(at, _)| from <= *at && *at < to) {
        *counts.entry(subject).or_default() += 1;
    }
    let mut counts: Vec<_> = counts.into_iter().collect();
    counts.sort_by_key(|(subject, count)| (std::cmp::Reverse(*count), *subject));
    counts
        .into_iter()
        .map(|(subject, count)| json!({"subject": subject, "count": count}))
        .collect()
}

fn text(at: OffsetDateTime) -> String {
    at.format(&Rfc3339).expect("a text")
}

/// Record different events in each hour. Some hours have none.
async fn record_events(app: &TestApp, clock: &TestClock) {
    app.admin().await;
    for hour in 0..30_u64 {
        if hour % 4 != 3 {
            let access = app.login("root@example.com", PASSWORD).await.expect_status(200).tokens().access;
            for minute in 0..hour % 5 {
                clock.advance(Duration::from_secs(minute * 60));
                app.send_as(&access, Method::POST, "/events", &json!({"name": "counted"}))
                    .await
                    .expect_status(202);
            }
        }
        clock.advance(Duration::from_secs(3600));
    }
    app.login("root@example.com", "not the password").await.expect_status(401);
}

async fn assert_counts(app: &TestApp, access: &str, recorded: &Recorded) {
    let get = async |path: String| app.get_as(access, &path).await.expect_status(200).json;
    let (begin, end) = (recorded[0].0, recorded[recorded.len() - 1].0);
    let moments = [
        begin - HOUR,
        begin,
        begin + time::Duration::milliseconds(1),
        begin + time::Duration::minutes(17),
        begin + HOUR,
        begin + HOUR * 9,
        begin + HOUR * 9 + time::Duration::minutes(31),
        end - HOUR,
        end,
        end + HOUR * 2,
    ];
    for (index, from) in moments.iter().enumerate() {
        for to in moments.get(index + 1..).into_iter().flatten().filter(|to| *to > from) {
            let range = format!("from={}&to={}", text(*from), text(*to));
            let expected = by_subject(recorded, *from, *to);
            let top = get(format!("/analytics/top-events?limit=100&{range}")).await;
            assert_eq!(top["counts"], json!(expected), "{range}");
            let total: u64 = expected.iter().filter_map(|entry| entry["count"].as_u64()).sum();
            assert_eq!(top["total"], json!(total), "{range}");
            for bucket in ["hour", "day"] {
                let timeline = get(format!("/analytics/timeline?bucket={bucket}&{range}")).await;
                assert_timeline(&timeline, recorded, (*from, *to), bucket);
            }
        }
    }
    let all = get("/analytics/top-events?limit=2".to_owned()).await;
    let expected = by_subject(recorded, begin, end + HOUR);
    assert_eq!(all["counts"], json!(expected[..2]));
    assert_eq!(all["total"], json!(recorded.len()));
    let logins = get(format!("/analytics/timeline?subject=auth.user.logged_in&to={}", text(end + HOUR))).await;
    assert_eq!(logins["buckets"].as_array().map(Vec::len), Some(30));
    let counted: u64 = logins["buckets"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(|bucket| bucket["count"].as_u64())
        .sum();
    let expected = recorded.iter().filter(|(_, subject)| subject == "auth.user.logged_in").count();
    assert_eq!(counted, expected as u64);
}

#[track_caller]
fn assert_timeline(timeline: &Value, recorded: &Recorded, (from, to): (OffsetDateTime, OffsetDateTime), bucket: &str) {
    let length = if bucket == "hour" { HOUR } else { HOUR * 24 };
    let mut start: Option<OffsetDateTime> = None;
    for bucket in timeline["buckets"].as_array().expect("buckets") {
        let at = OffsetDateTime::parse(bucket["start"].as_str().expect("a start"), &Rfc3339).expect("a time");
        match start {
            Some(before) => assert_eq!(at - before, length, "the buckets have a gap"),
            None => assert!(
                at <= from && from < at + length,
                "the first bucket must contain the start of the range: {at}, {from}"
            ),
        }
        assert_eq!(at.unix_timestamp() % length.whole_seconds(), 0);
        let within = |when: OffsetDateTime| from.max(at) <= when && when < to.min(at + length);
        let expected = recorded.iter().filter(|(when, _)| within(*when)).count();
        assert_eq!(bucket["count"], json!(expected), "{at} of {from} to {to}");
        start = Some(at);
    }
    assert!(
        start.is_some_and(|last| last < to && to <= last + length),
        "the last bucket must contain the end of the range"
    );
}

async fn counts_match_the_ledger(backend: Backend) {
    let clock = TestClock::frozen();
    let app = TestApp::builder(backend).clock(clock.clone()).spawn().await;
    record_events(&app, &clock).await;
    let root = app.login("root@example.com", PASSWORD).await;
    let (id, access) = (root.str("/user/id").to_owned(), root.tokens().access);
    let events = recorded(&app).await;
    assert_counts(&app, &access, &events).await;
    // The rollup does not change the response.
    let highest = app.ledger().await.last().expect("a row").seq;
    let counted = "SELECT seq FROM event_counts_mark";
    eventually(Duration::from_secs(60), || async {
        app.database.count(counted).await.expect("a query") == highest
    })
    .await;
    let hours = "SELECT CAST(sum(events) AS BIGINT) FROM event_counts";
    assert_eq!(
        app.database.count(hours).await.expect("a query"),
        i64::try_from(events.len()).expect("few")
    );
    assert_counts(&app, &access, &events).await;

    let user = app.get_as(&access, &format!("/analytics/users/{id}")).await.expect_status(200).json;
    let of_user: Recorded = events.clone();
    assert_eq!(user["counts"], json!(by_subject(&of_user, events[0].0, after_last(&events))));
    assert_eq!(user["total"], json!(events.len()));
    assert_eq!(user["userId"], json!(id));
    let first = OffsetDateTime::parse(user["firstAt"].as_str().expect("a time"), &Rfc3339).expect("a time");
    let last = OffsetDateTime::parse(user["lastAt"].as_str().expect("a time"), &Rfc3339).expect("a time");
    assert_eq!((first, last), (events[0].0, events[events.len() - 1].0));
    app.finish().await;
}

fn after_last(events: &Recorded) -> OffsetDateTime {
    events[events.len() - 1].0 + HOUR
}

async fn only_administrators_may_read_counts(backend: Backend) {
    let app = TestApp::spawn(backend).await;
    let admin = app.admin().await.access;
    let ada = app.registered("ada@example.com").await;
    let own = format!("/analytics/users/{}", ada.str("/user/id"));
    let access = ada.tokens().access;
    let unknown = format!("/analytics/users/{}", Uuid::from_u128(7));
    for path in ["/analytics/top-events", "/analytics/timeline", &own, &unknown] {
        app.get(path).await.expect_problem(401, "authentication_required");
        app.get_as(&access, path).await.expect_problem(403, "forbidden");
    }
    app.get_as(&admin, &own).await.expect_status(200);
    app.get_as(&admin, &unknown).await.expect_problem(404, "not_found");
    app.get_as(&admin, "/analytics/users/me").await.expect_problem(400, "invalid_parameter");
    app.finish().await;
}

async fn an_invalid_count_query_is_refused(backend: Backend) {
    let app = TestApp::spawn(backend).await;
    let admin = app.admin().await.access;
    for (path, parameter, code) in [
        ("top-events?limit=0", "limit", "out_of_range"),
        ("top-events?limit=201", "limit", "out_of_range"),
        ("top-events?from=x", "from", "invalid_format"),
        ("top-events?from=2026-01-02T00:00:00Z&to=2026-01-01T00:00:00Z", "to", "impossible_range"),
        ("top-events?subject=auth.user.custom", "subject", "unknown_parameter"),
        ("timeline?bucket=minute", "bucket", "not_one_of"),
        ("timeline?subject=auth.user.exploded", "subject", "unknown_subject"),
        ("timeline?from=2026-01-01T00:00:00Z&to=2026-01-01T00:00:00Z", "to", "impossible_range"),
        ("timeline?from=9999-01-01T00:00:00Z", "from", "impossible_range"),
        (
            "timeline?bucket=hour&from=2026-01-01T00:00:00Z&to=2026-02-12T00:00:00Z",
            "from",
            "too_many_buckets",
        ),
    ] {
        let answer = app.get_as(&admin, &format!("/analytics/{path}")).await;
        let answer = answer.expect_problem(400, "invalid_parameter");
        assert_eq!(answer.str("/errors/0/parameter"), parameter, "{path}: {}", answer.text);
        assert_eq!(answer.str("/errors/0/code"), code, "{path}: {}", answer.text);
    }
    app.finish().await;
}
