//! Following events: each arrives once and in order, also after late commits.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use futures_util::future::join_all;
use reqwest::Method;
use serde_json::{Value, json};
use sqlx::{Connection as _, Executor as _, PgConnection};

use crate::support::app::{PASSWORD, TestApp};
use crate::support::clock::TestClock;
use crate::support::database::Backend;
use crate::support::flow_tests;
use crate::support::http::Http;
use crate::support::raw::RawConnection;
use crate::support::sse::{EventSource, Frame, cursor_at, seq_of};
use crate::support::timing::within_once;
use crate::texts::assert_problem;

flow_tests! {
    a_custom_event_appears_in_the_stream,
    a_stream_resumes_after_the_last_event_id,
    reconnecting_streams_lose_no_event_while_events_are_recorded,
    an_invalid_last_event_id_is_refused,
    a_stream_ends_with_its_session,
    a_stream_ends_when_its_user_is_demoted,
    streams_are_limited_and_end_with_the_service,
}

const PATH: &str = "/events/stream";
/// The longest time that a revoked session still receives events.
const REVOKED_WITHIN: Duration = Duration::from_secs(1);
/// The longest delay of a busy machine.
const SLACK: Duration = Duration::from_millis(500);
/// The number of streams that an instance serves.
const MAX_STREAMS: usize = 256;

async fn post(http: &Http, access: &str, name: &str) -> String {
    let answer = http.send_as(access, Method::POST, "/events", &json!({"name": name})).await;
    answer.expect_status(202).str("/id").to_owned()
}

fn seqs(frames: &[Frame]) -> Vec<i64> {
    frames.iter().map(|frame| frame.id.expect("an event has an id")).collect()
}

async fn a_custom_event_appears_in_the_stream(backend: Backend) {
    let app = TestApp::spawn(backend).await;
    let admin = app.admin().await.access;
    let mut stream = EventSource::open(&app, &admin, PATH, None).await;
    let id = post(&app, &admin, "shared").await;
    let event = stream.event().await.expect("an event");
    let row = app.ledger().await.pop().expect("a row");
    assert_eq!(row.id.to_string(), id);
    let expected = Frame {
        id: Some(row.seq),
        event: "auth.custom".to_owned(),
        data: String::from_utf8(row.payload).expect("UTF-8"),
    };
    assert_eq!(event, expected);
    drop(stream);
    app.finish().await;
}

async fn a_stream_resumes_after_the_last_event_id(backend: Backend) {
    let app = TestApp::spawn(backend).await;
    let admin = app.admin().await.access;
    // A client that has received no event can resume, too.
    let mut stream = EventSource::open(&app, &admin, PATH, None).await;
    let start = stream.frame().await.expect("a greeting").id.expect("an id");
    drop(stream);
    for name in ["one", "two", "three"] {
        post(&app, &admin, name).await;
    }
    app.login("root@example.com", PASSWORD).await.expect_status(200);
    let ledger = app.ledger().await;
    let all: Vec<i64> = ledger.iter().map(|row| row.seq).collect();
    let after = |seq: i64| all.iter().copied().filter(|other| *other > seq).collect::<Vec<_>>();
    let mut resumed = EventSource::open(&app, &admin, PATH, Some(start)).await;
    let events = resumed.events(4).await;
    assert_eq!(seqs(&events), after(start));
    for (event, row) in events.iter().rev().zip(ledger.iter().rev()) {
        assert_eq!(event.data.as_bytes(), row.payload);
    }
    let second = events[1].id.expect("an id");
    let resume = async |path: &str, last: Option<i64>, count: usize| {
        seqs(&EventSource::open(&app, &admin, path, last).await.events(count).await)
    };
    assert_eq!(resume(PATH, Some(second), 2).await, after(second));
    assert_eq!(resume(&format!("{PATH}?after={}", cursor_at(second)), None, 2).await, after(second));
    // `Last-Event-ID` takes precedence over `after`.
    let beginning = format!("{PATH}?after={}", cursor_at(0));
    assert_eq!(resume(&beginning, Some(second), 2).await, after(second));
    assert_eq!(resume(&beginning, None, all.len()).await, all);
    assert_eq!(resume(&format!("{PATH}?from=2000-01-01T00:00:00Z"), None, all.len()).await, all);
    let logins = resume(&format!("{PATH}?subject=auth.user.logged_in"), Some(0), 2).await;
    assert_eq!(logins, [all[1], all[all.len() - 1]]);
    let time =
        |event: &Frame| serde_json::from_str::<Value>(&event.data).expect("JSON")["data"]["timestamp"].to_string();
    let since = time(&events[1]);
    let expected = events.iter().filter(|event| time(event) >= since);
    let expected = seqs(&expected.cloned().collect::<Vec<_>>());
    let from = format!("{PATH}?from={}", since.trim_matches('"'));
    assert_eq!(resume(&from, None, expected.len()).await, expected);
    app.finish().await;
}

async fn reconnecting_streams_lose_no_event_while_events_are_recorded(backend: Backend) {
    let app = TestApp::spawn(backend).await;
    let admin = app.admin().await.access;
    let mut writers = Vec::new();
    for n in 0..6 {
        writers.push(app.registered(&format!("user{n}@example.com")).await.tokens().access);
    }
    let running = AtomicBool::new(true);
    let write = join_all(writers.iter().map(async |access| {
        while running.load(Ordering::Relaxed) {
            post(&app, access, "written").await;
        }
    }));
    let read = async {
        let mut seen = Vec::new();
        // Each stream is closed early, and the next one resumes.
        for round in 0..12 {
            let last = seen.last().copied().unwrap_or(0);
            let mut stream = EventSource::open(&app, &admin, PATH, Some(last)).await;
            seen.extend(seqs(&stream.events(5 + round).await));
        }
        running.store(false, Ordering::Relaxed);
        seen
    };
    let (_, mut seen) = tokio::join!(write, read);
    let ledger: Vec<i64> = app.ledger().await.iter().map(|row| row.seq).collect();
    let missing = ledger.len() - seen.len();
    let mut rest = EventSource::open(&app, &admin, PATH, seen.last().copied()).await;
    seen.extend(seqs(&rest.events(missing).await));
    assert_eq!(seen, ledger);
    drop(rest);
    app.finish().await;
}

async fn an_invalid_last_event_id_is_refused(backend: Backend) {
    let app = TestApp::spawn(backend).await;
    let admin = app.admin().await.access;
    let ada = app.registered("ada@example.com").await.tokens().access;
    app.get(PATH).await.expect_problem(401, "authentication_required");
    app.get_as(&ada, PATH).await.expect_problem(403, "forbidden");
    let beyond = cursor_at(1_000_000);
    let after_beyond = format!("after={beyond}");
    // The second epoch, which has not begun.
    let other_epoch = "AQAAAAIAAAAAAAAAAQ";
    for (query, last, place, code) in [
        ("subject=exploded", None, ["parameter", "subject"], "unknown_subject"),
        ("from=yesterday", None, ["parameter", "from"], "invalid_format"),
        ("from=1", None, ["parameter", "from"], "invalid_format"),
        ("after=1", None, ["parameter", "after"], "invalid_cursor"),
        (&after_beyond, None, ["parameter", "after"], "beyond_the_end"),
        ("type=custom", None, ["parameter", "type"], "unknown_parameter"),
        ("", Some("abc"), ["header", "Last-Event-ID"], "invalid_cursor"),
        ("", Some("1"), ["header", "Last-Event-ID"], "invalid_cursor"),
        ("", Some(other_epoch), ["header", "Last-Event-ID"], "other_epoch"),
        ("", Some(beyond.as_str()), ["header", "Last-Event-ID"], "beyond_the_end"),
    ] {
        let mut request = app.request(Method::GET, &format!("{PATH}?{query}")).bearer_auth(&admin);
        if let Some(last) = last {
            request = request.header("last-event-id", last);
        }
        let answer = app.send(request).await.expect_problem(400, "invalid_parameter");
        let [kind, name] = place;
        assert_eq!(answer.str(&format!("/errors/0/{kind}")), name, "{query} {last:?}: {}", answer.text);
        assert_eq!(answer.str("/errors/0/code"), code, "{query} {last:?}: {}", answer.text);
    }
    // Neither is ignored: the client would miss events.
    let known = cursor_at(1).into_bytes();
    for lines in [vec![b"\xff".to_vec()], vec![known.clone(), known]] {
        let request = app.request(Method::GET, PATH).bearer_auth(&admin);
        let request = lines
            .iter()
            .fold(request, |request, line| request.header("last-event-id", line.as_slice()));
        let answer = app.send(request).await.expect_problem(400, "invalid_parameter");
        assert_eq!(answer.str("/errors/0/header"), "Last-Event-ID", "{lines:?}: {}", answer.text);
    }
    app.finish().await;
}

async fn a_stream_ends_with_its_session(backend: Backend) {
    let app = TestApp::spawn(backend).await;
    app.admin().await;
    within_once(REVOKED_WITHIN + SLACK, async || {
        let admin = app.login("root@example.com", PASSWORD).await.tokens();
        let mut stream = EventSource::open(&app, &admin.access, PATH, None).await;
        stream.frame().await.expect("a greeting");
        app.logout(&admin.access, "local").await.expect_status(204);
        let revoked = Instant::now();
        stream.ended().await;
        let served = revoked.elapsed();
        app.get_as(&admin.access, PATH).await.expect_problem(401, "invalid_token");
        served
    })
    .await;
    app.finish().await;
}

/// The session stays active, but its user is no administrator.
async fn a_stream_ends_when_its_user_is_demoted(backend: Backend) {
    let app = TestApp::spawn(backend).await;
    app.admin().await;
    within_once(REVOKED_WITHIN + SLACK, async || {
        let promote = "UPDATE users SET roles = 'user admin' WHERE email = 'root@example.com'";
        app.database.execute(promote).await.expect("grant the role");
        let admin = app.login("root@example.com", PASSWORD).await.tokens();
        let mut stream = EventSource::open(&app, &admin.access, PATH, None).await;
        let demote = "UPDATE users SET roles = 'user' WHERE email = 'root@example.com'";
        app.database.execute(demote).await.expect("revoke the role");
        let revoked = Instant::now();
        stream.ended().await;
        revoked.elapsed()
    })
    .await;
    app.finish().await;
}

async fn streams_are_limited_and_end_with_the_service(backend: Backend) {
    let mut app = TestApp::spawn(backend).await;
    let admin = app.admin().await.access;
    let mut streams = Vec::new();
    for _ in 0..MAX_STREAMS {
        streams.push(EventSource::open(&app, &admin, PATH, None).await);
    }
    let refused = app.get_as(&admin, PATH).await.expect_problem(503, "overloaded");
    assert_problem(&refused.json);
    // A closed stream releases its permit.
    streams.pop();
    let deadline = Duration::from_secs(10);
    crate::support::wait::eventually(deadline, || async {
        app.request(Method::GET, PATH)
            .bearer_auth(&admin)
            .send()
            .await
            .is_ok_and(|answer| answer.status() == 200)
    })
    .await;
    let stopped = Instant::now();
    app.restart(TestClock::running()).await;
    for mut stream in streams {
        stream.ended().await;
    }
    assert!(stopped.elapsed() < Duration::from_secs(15), "{:?}", stopped.elapsed());
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stream_ends_when_another_instance_revokes_its_session() {
    let app = TestApp::spawn(Backend::Postgres).await;
    let mut second = app.second_instance(TestClock::running()).await;
    app.admin().await;
    within_once(REVOKED_WITHIN + SLACK, async || {
        let admin = app.login("root@example.com", PASSWORD).await.tokens().access;
        let mut stream = EventSource::open(&second, &admin, PATH, None).await;
        // Events of another instance arrive, too.
        let id = post(&app, &admin, "shared").await;
        assert!(stream.event().await.expect("an event").data.contains(&id));
        app.logout(&admin, "local").await.expect_status(204);
        let revoked = Instant::now();
        stream.ended().await;
        revoked.elapsed()
    })
    .await;
    second.stop().await.expect("stop the second instance");
    app.finish().await;
}

/// A row that a transaction inserts, but has not committed.
const INSERT_ROW: &str = "INSERT INTO events (id, subject, schema_version, payload, occurred_at) VALUES \
     (gen_random_uuid(), 'auth.custom', 1, '{\"late\":true}', 1795348800000)";

/// The stream waits for an open transaction with a lower sequence, until it commits or rolls back.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stream_waits_for_a_late_commit() {
    let app = TestApp::spawn(Backend::Postgres).await;
    let admin = app.admin().await.access;
    let url = app.database.url().expect("PostgreSQL");
    for commits in [true, false] {
        let mut stream = EventSource::open(&app, &admin, PATH, None).await;
        stream.frame().await.expect("a greeting");
        let mut late = PgConnection::connect(url).await.expect("connect");
        late.execute("BEGIN").await.expect("begin");
        late.execute(INSERT_ROW).await.expect("insert a row");
        let id = post(&app, &admin, "shared").await;
        // The event is committed. The stream must hold it back.
        let early = tokio::time::timeout(Duration::from_secs(1), stream.event()).await;
        assert!(early.is_err(), "the event overtook an open transaction: {early:?}");
        // A new stream starts before the open transaction.
        let mut second_stream = EventSource::open(&app, &admin, PATH, None).await;
        late.execute(if commits { "COMMIT" } else { "ROLLBACK" }).await.expect("end");
        for stream in [&mut stream, &mut second_stream] {
            let events = stream.events(if commits { 2 } else { 1 }).await;
            assert_eq!(events[0].data == r#"{"late":true}"#, commits, "{events:?}");
            assert!(events.last().is_some_and(|event| event.data.contains(&id)));
            assert!(seqs(&events).is_sorted());
        }
        late.close().await.expect("close the connection");
    }
    // Events that were inserted by hand break the invariants.
    app.abandon().await;
}

/// More events than fit into all buffers between the service and a client.
const FLOOD: &str = "INSERT INTO events (id, subject, schema_version, payload, occurred_at) \
     SELECT gen_random_uuid(), 'auth.custom', 1, convert_to(json_build_object('n', n, 'fill', repeat('x', 8000))::text, 'UTF8'), \
     1795348800000 FROM generate_series(1, 3000) AS n";
/// The timeout for a client that does not read, and how long the client does not read.
const BODY_TIMEOUT: Duration = Duration::from_secs(1);
const SILENCE: Duration = Duration::from_secs(4);

/// After it reconnects, the client receives the rest.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_that_does_not_read_is_disconnected() {
    let builder = TestApp::builder(Backend::Postgres);
    let app = builder.settings(|settings| settings.http.body_timeout = BODY_TIMEOUT).spawn().await;
    let admin = app.admin().await.access;
    let first = app.ledger().await.last().expect("a row").seq + 1;
    app.database.execute(FLOOD).await.expect("a flood of events");
    let mut silent = RawConnection::to(app.port()).await.expect("connect");
    let request = format!(
        "GET {PATH}?after={} HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer {admin}\r\n\r\n",
        cursor_at(first - 1)
    );
    silent.send(request.as_bytes()).await.expect("send");
    tokio::time::sleep(SILENCE).await;
    let text = silent.read_to_end().await;
    // The last event may have been cut off.
    let (whole, _) = text.rsplit_once("\n\n").expect("an event");
    let ids = whole.lines().filter_map(|line| line.strip_prefix("id: "));
    let seen: Vec<i64> = ids.map(seq_of).collect();
    let last = *seen.last().expect("the beginning of the flood");
    assert!(last < first + 2_999, "the client received everything");
    let rest = usize::try_from(first + 2_999 - last).expect("a number");
    let mut resumed = EventSource::open(&app, &admin, PATH, Some(last)).await;
    let rest = seqs(&resumed.events(rest).await);
    assert!(rest.iter().copied().eq(last + 1..first + 3_000));
    // Events that were inserted by hand break the invariants.
    app.abandon().await;
}
