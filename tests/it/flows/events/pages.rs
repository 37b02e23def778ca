//! Reading events: access, filters and invalid filters.

use serde_json::{Value, json};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use uuid::Uuid;

use crate::support::app::{PASSWORD, TestApp};
use crate::support::database::Backend;
use crate::support::flow_tests;
use crate::support::http::{Answer, Http};
use crate::support::names::short_name;
use crate::support::sse::cursor_at;

flow_tests! {
    users_see_their_own_events,
    administrators_see_all_events,
    another_users_events_answer_like_unknown_ones,
    a_revoked_session_reads_no_events,
    a_page_returns_the_exact_bytes_of_the_ledger,
    each_filter_selects_its_events,
    a_time_range_includes_its_start_and_excludes_its_end,
    an_invalid_filter_is_refused,
}

/// The ids of the events on a page.
#[track_caller]
pub(super) fn ids(page: &Answer) -> Vec<String> {
    let events = page.json["events"].as_array().unwrap_or_else(|| panic!("no events in {}", page.text));
    events.iter().map(|event| event["id"].as_str().expect("an id").to_owned()).collect()
}

/// The names of the events on a page, as in the catalogue, oldest first.
#[track_caller]
fn names(page: &Answer) -> Vec<String> {
    let events = page.json["events"].as_array().unwrap_or_else(|| panic!("no events in {}", page.text));
    let names = events.iter().rev().map(|event| event["subject"].as_str().expect("a subject"));
    names.map(short_name).collect()
}

/// The users that the events on a page are about.
fn users(page: &Answer) -> Vec<&Value> {
    let events = page.json["events"].as_array().into_iter().flatten();
    let mut users: Vec<&Value> = events.map(|event| &event["data"]["userId"]).collect();
    users.sort_by_key(|user| user.as_str());
    users.dedup();
    users
}

async fn page(http: &Http, access: &str, path: &str) -> Answer {
    http.get_as(access, path).await.expect_status(200)
}

/// The problem without its request id.
fn without_request_id(answer: &Answer) -> Value {
    let mut body = answer.json.clone();
    if let Some(fields) = body.as_object_mut() {
        fields.remove("requestId");
    }
    body
}

/// An administrator and two users. Ada has registered, Bob has also logged in. A login of an
/// unknown user has failed.
struct Fixture {
    app: TestApp,
    admin: String,
    ada: Answer,
    bob: Answer,
}

impl Fixture {
    async fn new(backend: Backend) -> Self {
        let app = TestApp::spawn(backend).await;
        let admin = app.admin().await.access;
        let ada = app.registered("ada@example.com").await;
        let bob = app.registered("bob@example.com").await;
        app.login("bob@example.com", PASSWORD).await.expect_status(200);
        // An event about no user is visible to administrators only.
        app.login("nobody@example.com", PASSWORD).await.expect_status(401);
        Self { app, admin, ada, bob }
    }
}

async fn users_see_their_own_events(backend: Backend) {
    let Fixture { app, ada, bob, .. } = Fixture::new(backend).await;
    let id = ada.str("/user/id");
    for path in [
        "/events",
        "/events/recent",
        "/auth/me/activity",
        &format!("/events?userId={id}"),
    ] {
        let events = page(&app, &ada.tokens().access, path).await;
        assert_eq!(names(&events), ["registered"], "{path}");
        assert_eq!(users(&events), [id], "{path}");
    }
    assert_eq!(names(&page(&app, &bob.tokens().access, "/events").await), ["registered", "logged_in"]);
    app.finish().await;
}

async fn administrators_see_all_events(backend: Backend) {
    let Fixture { app, admin, bob, .. } = Fixture::new(backend).await;
    for path in ["/events", "/events/recent"] {
        let all = page(&app, &admin, path).await;
        assert_eq!(
            names(&all),
            [
                "registered",
                "logged_in",
                "registered",
                "registered",
                "logged_in",
                "login_failed"
            ],
            "{path}"
        );
    }
    let bob = bob.str("/user/id");
    let of_bob = page(&app, &admin, &format!("/events?userId={bob}")).await;
    assert_eq!((names(&of_bob).len(), users(&of_bob)), (2, vec![&json!(bob)]));
    page(&app, &admin, &format!("/events/{}", ids(&of_bob)[0])).await;
    // The activity of an administrator contains only their own events.
    assert_eq!(names(&page(&app, &admin, "/auth/me/activity").await), ["registered", "logged_in"]);
    app.finish().await;
}

async fn another_users_events_answer_like_unknown_ones(backend: Backend) {
    let Fixture { app, ada, bob, .. } = Fixture::new(backend).await;
    let (access, bobs_access) = (ada.tokens().access, bob.tokens().access);
    let unknown = Uuid::from_u128(7).to_string();
    let get = async |path: &str, id: &str| app.get_as(&access, &path.replace("{}", id)).await;
    let refused = get("/events?userId={}", bob.str("/user/id")).await.expect_problem(403, "forbidden");
    assert_eq!(
        without_request_id(&refused),
        without_request_id(&get("/events?userId={}", &unknown).await)
    );
    let bobs_event = ids(&page(&app, &bobs_access, "/events").await).remove(0);
    let refused = get("/events/{}", &bobs_event).await.expect_problem(404, "not_found");
    assert_eq!(without_request_id(&refused), without_request_id(&get("/events/{}", &unknown).await));
    for id in [&bob.tokens().session(), &unknown] {
        let none = get("/events?sessionId={}", id).await.expect_status(200);
        assert_eq!(none.json["events"], json!([]), "{}", none.text);
    }
    page(&app, &bobs_access, &format!("/events/{bobs_event}")).await;
    app.finish().await;
}

async fn a_revoked_session_reads_no_events(backend: Backend) {
    let app = TestApp::spawn(backend).await;
    let access = app.registered("ada@example.com").await.tokens().access;
    app.logout(&access, "local").await.expect_status(204);
    for path in [
        "/events",
        "/events/recent",
        "/events/00000000-0000-0000-0000-000000000007",
        "/auth/me/activity",
    ] {
        app.get(path).await.expect_problem(401, "authentication_required");
        app.get_as(&access, path).await.expect_problem(401, "invalid_token");
    }
    app.finish().await;
}

async fn a_page_returns_the_exact_bytes_of_the_ledger(backend: Backend) {
    let app = TestApp::spawn(backend).await;
    let admin = app.admin().await.access;
    let ledger = app.ledger().await;
    let payloads: Vec<String> = ledger.iter().rev().map(|row| String::from_utf8_lossy(&row.payload).into()).collect();
    let all = page(&app, &admin, "/events").await;
    let position = cursor_at(ledger.last().expect("a row").seq);
    assert_eq!(all.text, format!(r#"{{"events":[{}],"position":"{position}"}}"#, payloads.join(",")));
    for (row, payload) in ledger.iter().rev().zip(&payloads) {
        assert_eq!(page(&app, &admin, &format!("/events/{}", row.id)).await.text, *payload);
    }
    app.finish().await;
}

async fn each_filter_selects_its_events(backend: Backend) {
    let app = TestApp::spawn(backend).await;
    let ada = app.registered("ada@example.com").await;
    let (user, tokens) = (ada.str("/user/id"), ada.tokens());
    let session = tokens.session();
    let access = tokens.access;
    app.refresh(&tokens.refresh).await.expect_status(200);
    let second = app.login("ada@example.com", PASSWORD).await.tokens();
    app.logout(&second.access, "local").await.expect_status(204);
    let all = page(&app, &access, "/events").await;
    assert_eq!(names(&all), ["registered", "token_refreshed", "logged_in", "logged_out"]);

    let selected = async |filter: &str| names(&page(&app, &access, &format!("/events?{filter}")).await);
    assert_eq!(selected("subject=auth.user.logged_in").await, ["logged_in"]);
    assert!(selected("subject=auth.custom").await.is_empty());
    assert_eq!(selected(&format!("sessionId={session}")).await, ["registered", "token_refreshed"]);
    let of_second = format!("sessionId={}", second.session());
    assert_eq!(selected(&of_second).await, ["logged_in", "logged_out"]);
    assert_eq!(
        selected(&format!("{of_second}&subject=auth.user.logged_out&userId={user}")).await,
        ["logged_out"]
    );
    assert_eq!(
        names(&page(&app, &access, "/auth/me/activity?subject=auth.user.registered").await),
        ["registered"]
    );
    app.finish().await;
}

/// The precision is a millisecond, and a time may have any offset.
async fn a_time_range_includes_its_start_and_excludes_its_end(backend: Backend) {
    let app = TestApp::spawn(backend).await;
    let tokens = app.registered("ada@example.com").await.tokens();
    let access = tokens.access;
    app.refresh(&tokens.refresh).await.expect_status(200);
    let second = app.login("ada@example.com", PASSWORD).await.tokens();
    app.logout(&second.access, "local").await.expect_status(204);
    let all = page(&app, &access, "/events").await;
    let selected = async |filter: &str| names(&page(&app, &access, &format!("/events?{filter}")).await);
    let time = |index: usize| all.json["events"][3 - index]["data"]["timestamp"].as_str().expect("a time");
    let range = format!("from={}&to={}", time(1), time(3));
    assert_eq!(selected(&range).await, ["token_refreshed", "logged_in"]);
    let parsed = OffsetDateTime::parse(time(1), &Rfc3339).expect("a time");
    let later = (parsed + time::Duration::nanoseconds(1)).format(&Rfc3339).expect("a text");
    assert_eq!(selected(&format!("from={later}")).await, ["logged_in", "logged_out"]);
    assert_eq!(selected(&format!("to={later}")).await, ["registered", "token_refreshed"]);
    // The same time with another offset.
    let with_offset = parsed.to_offset(time::UtcOffset::from_hms(5, 30, 0).expect("an offset"));
    let with_offset = with_offset.format(&Rfc3339).expect("a text").replace('+', "%2B");
    assert_eq!(selected(&format!("to={with_offset}")).await, ["registered"]);
    assert!(selected("from=9999-12-31T23:59:59Z").await.is_empty());
    assert!(selected("to=0001-01-01T00:00:00Z").await.is_empty());
    app.finish().await;
}

async fn an_invalid_filter_is_refused(backend: Backend) {
    let app = TestApp::spawn(backend).await;
    let access = app.registered("ada@example.com").await.tokens().access;
    for (query, parameter, code) in [
        ("subject=auth.user.exploded", "subject", "unknown_subject"),
        ("subject=auth.user.*", "subject", "unknown_subject"),
        ("subject=logged_in", "subject", "unknown_subject"),
        ("subject=", "subject", "unknown_subject"),
        ("userId=42", "userId", "invalid_format"),
        ("userId=", "userId", "invalid_format"),
        ("sessionId=null", "sessionId", "invalid_format"),
        ("from=yesterday", "from", "invalid_format"),
        ("from=2026-02-30T00:00:00Z", "from", "invalid_format"),
        ("to=1700000000", "to", "invalid_format"),
        ("from=2026-01-02T00:00:00Z&to=2026-01-01T00:00:00Z", "to", "impossible_range"),
        ("from=2026-01-01T00:00:00Z&to=2026-01-01T00:00:00Z", "to", "impossible_range"),
        ("after=first", "after", "invalid_cursor"),
        ("after=01a2031e-cd40-7b21-9f0d-3a7e5c8d1b02", "after", "invalid_cursor"),
        ("order=newest", "order", "not_one_of"),
        ("type=registered", "type", "unknown_parameter"),
        ("limit=0", "limit", "out_of_range"),
        ("limit=201", "limit", "out_of_range"),
        ("limit=-1", "limit", "out_of_range"),
        ("limit=%2B5", "limit", "out_of_range"),
        ("limit=ten", "limit", "out_of_range"),
        ("limit=99999999999999999999", "limit", "out_of_range"),
        ("limit=1&limit=2", "limit", "repeated"),
        ("userid=42", "userid", "unknown_parameter"),
        ("%00%0a=1", "", "unknown_parameter"),
    ] {
        let answer = app.get_as(&access, &format!("/events?{query}")).await;
        let answer = answer.expect_problem(400, "invalid_parameter");
        assert_eq!(answer.str("/errors/0/parameter"), parameter, "{query}: {}", answer.text);
        assert_eq!(answer.str("/errors/0/code"), code, "{query}: {}", answer.text);
        assert_eq!(answer.json["errors"].as_array().map(Vec::len), Some(1), "{query}: {}", answer.text);
    }
    let many = app
        .get_as(&access, "/events?limit=0&subject=auth.user.x&from=y")
        .await
        .expect_problem(400, "invalid_parameter");
    assert_eq!(many.json["errors"].as_array().map(Vec::len), Some(3), "{}", many.text);
    for path in [
        "/events/recent?limit=0",
        "/events/recent?subject=auth.user.custom",
        "/auth/me/activity?limit=x",
        "/auth/me/activity?userId=7",
    ] {
        app.get_as(&access, path).await.expect_problem(400, "invalid_parameter");
    }
    app.get_as(&access, "/events/42").await.expect_problem(400, "invalid_parameter");
    assert_eq!(app.event_names().await, ["registered"]);
    app.finish().await;
}
