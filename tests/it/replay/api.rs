//! POST /events/replays and GET /events/replays/{id}.

use std::time::Duration;

use reqwest::Method;
use serde_json::{Value, json};
use watchword::domain::clock::SystemClock;

use super::rig::{SEEDED, seed, seeded_user};
use crate::support::app::{PASSWORD, TestApp};
use crate::support::database::Backend;
use crate::support::flow_tests;
use crate::support::http::{Answer, Http};
use crate::support::wait::eventually;

flow_tests! {
    a_replay_started_over_http_completes,
    a_replay_survives_a_restart,
    an_invalid_replay_is_refused_and_not_stored,
    only_administrators_may_replay,
    the_start_of_a_replay_is_recorded_with_who_asked_for_what,
    a_demoted_administrator_starts_no_replay,
}

const TIMEOUT: Duration = Duration::from_secs(60);
const REPLAYS: &str = "auth-events-replays";

async fn post(http: &Http, token: &str, body: &Value) -> Answer {
    http.send(http.request(Method::POST, "/events/replays").bearer_auth(token).json(body))
        .await
}

async fn get(http: &Http, token: &str, path: &str) -> Answer {
    http.send(http.request(Method::GET, path).bearer_auth(token)).await
}

async fn wait_until_done(app: &TestApp, token: &str, path: &str) -> Answer {
    let http = app.http();
    eventually(TIMEOUT, || async {
        let answer = get(&http, token, path).await.expect_status(200);
        if answer.json["state"] == "done" {
            Ok(answer)
        } else {
            Err(answer.text)
        }
    })
    .await
}

async fn a_replay_started_over_http_completes(backend: Backend) {
    let app = TestApp::spawn(backend).await;
    seed(&app.database).await;
    let admin = app.admin().await.access;
    let user = seeded_user(3);
    let body = json!({"name": "mailer", "subjects": ["auth.user.logged_in"], "userIds": [user],
        "from": "2026-01-01T00:00:10Z", "to": "2026-01-01T00:01:00Z"});
    let started = post(&app.http(), &admin, &body).await.expect_status(202);
    let id = started.str("/id");
    let location = started.header("location").expect("a location").to_owned();
    assert_eq!(location, format!("/events/replays/{id}"));
    assert_eq!(started.json["state"], "running");
    assert_eq!(started.json["subjects"], json!(["auth.user.logged_in"]));
    let ended = wait_until_done(&app, &admin, &location).await;
    assert_eq!((&ended.json["total"], &ended.json["sent"]), (&json!(5), &json!(5)));
    assert!(
        ended.json["finishedAt"].is_string() && ended.json.get("trouble").is_none(),
        "{}",
        ended.text
    );
    let copies = app.nats.messages(REPLAYS).await;
    let numbers: Vec<&Value> = copies.iter().map(|copy| &copy.payload["n"]).collect();
    assert_eq!(numbers, [13, 23, 33, 43, 53]);
    assert_eq!(copies[0].subject, "auth.replay.mailer.logged_in");
    // The name is taken. A replay with another name runs.
    post(&app.http(), &admin, &body).await.expect_problem(409, "conflict");
    let again = post(&app.http(), &admin, &json!({"to": "2026-01-01T00:00:01Z"})).await.expect_status(202);
    wait_until_done(&app, &admin, again.header("location").expect("a location")).await;
    assert_eq!(app.nats.messages(REPLAYS).await.len(), 6);
    app.finish().await;
}

async fn a_replay_survives_a_restart(backend: Backend) {
    let mut app = TestApp::spawn(backend).await;
    seed(&app.database).await;
    let admin = app.admin().await.access;
    let body = json!({"name": "long", "rate": 500, "to": "2026-01-02T00:00:00Z"});
    let started = post(&app.http(), &admin, &body).await.expect_status(202);
    let path = started.header("location").expect("a location").to_owned();
    let http = app.http();
    let under_way = eventually(TIMEOUT, || async {
        let answer = get(&http, &admin, &path).await.expect_status(200);
        answer.json["sent"].as_u64().is_some_and(|sent| sent > 100).then_some(answer)
    })
    .await;
    assert!(under_way.json["expectedAt"].is_string(), "{}", under_way.text);
    assert_eq!(under_way.json["total"], SEEDED);
    // Only one replay runs at a time.
    post(&http, &admin, &json!({"name": "other"})).await.expect_problem(409, "conflict");
    app.restart(SystemClock).await;
    let ended = wait_until_done(&app, &admin, &path).await;
    assert_eq!(ended.json["sent"], SEEDED);
    let copies = app.nats.messages(REPLAYS).await;
    let numbers: Vec<u64> = copies.iter().map(|copy| copy.payload["n"].as_u64().expect("n")).collect();
    assert_eq!(numbers, (0..u64::try_from(SEEDED).expect("a number")).collect::<Vec<_>>());
    app.finish().await;
}

async fn an_invalid_replay_is_refused_and_not_stored(backend: Backend) {
    let app = TestApp::spawn(backend).await;
    let admin = app.admin().await.access;
    let many: Vec<&str> = vec!["registered"; 101];
    for (body, pointers) in [
        (json!({"subjects": ["auth.user.registered", "nonsense"]}), &["/subjects/1"][..]),
        (json!({"subjects": "registered"}), &["/subjects"]),
        (json!({"subjects": many}), &["/subjects"]),
        (json!({"userIds": ["ada"]}), &["/userIds/0"]),
        (json!({"from": "yesterday", "to": 17}), &["/to"]),
        (json!({"from": "yesterday", "rate": 0}), &["/from", "/rate"]),
        (json!({"from": "2026-01-02T00:00:00Z", "to": "2026-01-02T00:00:00Z"}), &["/to"]),
        (json!({"rate": -1}), &["/rate"]),
        (json!({"name": "A.b"}), &["/name"]),
        (json!({"target": "nobody"}), &["/target"]),
        (json!({"nmae": "x"}), &["/nmae"]),
    ] {
        let answer = post(&app.http(), &admin, &body).await.expect_problem(422, "validation_failed");
        let errors = answer.json["errors"].as_array().expect("errors");
        let found = errors.iter().filter_map(|error| error["pointer"].as_str()?.strip_prefix('#'));
        let found: Vec<&str> = found.collect();
        assert_eq!(found, pointers, "{body}: {}", answer.text);
    }
    let rows = app.database.count("SELECT count(*) FROM replays").await;
    assert_eq!(rows.expect("a count"), 0);
    let missing = "/events/replays/01a2031e-cd40-7b21-9f0d-3a7e5c8d1b02";
    get(&app.http(), &admin, missing).await.expect_problem(404, "not_found");
    get(&app.http(), &admin, "/events/replays/x")
        .await
        .expect_problem(400, "invalid_parameter");
    app.finish().await;
}

async fn only_administrators_may_replay(backend: Backend) {
    let app = TestApp::spawn(backend).await;
    let admin = app.admin().await.access;
    let started = post(&app.http(), &admin, &json!({"name": "mine"})).await.expect_status(202);
    let path = started.header("location").expect("a location").to_owned();
    app.registered("ada@example.com").await;
    let user = app.login("ada@example.com", PASSWORD).await.tokens().access;
    post(&app.http(), &user, &json!({})).await.expect_problem(403, "forbidden");
    get(&app.http(), &user, &path).await.expect_problem(403, "forbidden");
    app.http()
        .post("/events/replays", &json!({}))
        .await
        .expect_problem(401, "authentication_required");
    app.http().get(&path).await.expect_problem(401, "authentication_required");
    wait_until_done(&app, &admin, &path).await;
    let rows = app.database.count("SELECT count(*) FROM replays").await;
    assert_eq!(rows.expect("a count"), 1);
    app.finish().await;
}

async fn the_start_of_a_replay_is_recorded_with_who_asked_for_what(backend: Backend) {
    let app = TestApp::spawn(backend).await;
    let admin = app.admin().await;
    let user = seeded_user(3);
    let body = json!({"name": "mailer", "target": "everyone", "subjects": ["auth.user.logged_in"], "userIds": [user],
        "from": "2026-01-01T00:00:10Z", "to": "2026-01-01T00:01:00Z"});
    let started = post(&app.http(), &admin.access, &body).await.expect_status(202);
    wait_until_done(&app, &admin.access, started.header("location").expect("a location")).await;
    let events = app.events().await;
    let event = events
        .iter()
        .find(|event| event.subject == "auth.system.replay_started")
        .expect("the event");
    let data = &event.payload["data"];
    assert_eq!(data["replayId"], started.json["id"]);
    assert_eq!(data["actor"], json!({"type": "admin", "id": admin.claims()["sub"]}));
    assert_eq!((&data["name"], &data["target"]), (&json!("mailer"), &json!("everyone")));
    assert_eq!((&data["subjects"], &data["userIds"]), (&json!(["auth.user.logged_in"]), &json!([user])));
    assert_eq!(data["from"], "2026-01-01T00:00:10.000Z");
    assert_eq!(data["to"], "2026-01-01T00:01:00.000Z");
    assert!(data.get("userId").is_none(), "{data}");
    app.finish().await;
}

async fn a_demoted_administrator_starts_no_replay(backend: Backend) {
    let app = TestApp::spawn(backend).await;
    let admin = app.admin().await.access;
    // What the instance remembers of the session says that its user is an administrator.
    app.get_as(&admin, "/events").await.expect_status(200);
    let demote = "UPDATE users SET roles = 'user' WHERE email = 'root@example.com'";
    app.database.execute(demote).await.expect("demote");
    post(&app.http(), &admin, &json!({})).await.expect_problem(403, "forbidden");
    let stored = "SELECT (SELECT count(*) FROM replays)
        + (SELECT count(*) FROM events WHERE subject = 'auth.system.replay_started')";
    assert_eq!(app.database.count(stored).await.expect("a count"), 0);
    app.finish().await;
}
