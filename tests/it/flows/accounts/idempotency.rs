//! Requests with an `Idempotency-Key`: a retry gets the same response, and has no effect.

use std::time::Duration;

use futures_util::future::join_all;
use reqwest::Method;
use serde_json::{Value, json};
use watchword::store::Expirable;

use crate::support::app::{PASSWORD, TestApp};
use crate::support::clock::TestClock;
use crate::support::database::Backend;
use crate::support::flow_tests;
use crate::support::http::{Answer, Http};
use crate::texts::assert_problem;

flow_tests! {
    parallel_registrations_with_one_key_create_one_account,
    parallel_events_with_one_key_record_one_event,
    a_key_with_another_request_is_refused,
    a_failed_request_can_be_retried_with_its_key,
    a_registration_can_be_replayed_until_its_tokens_are_used,
    a_key_expires_after_a_day,
    a_malformed_key_is_refused,
}

const KEY: &str = "8e03978e-40d5-43dd-bc93-6894a57f9324";
const PARALLEL: usize = 64;

async fn post(http: &Http, key: &str, path: &str, access: Option<&str>, body: &Value) -> Answer {
    let mut request = http.request(Method::POST, path).header("idempotency-key", key).json(body);
    if let Some(access) = access {
        request = request.bearer_auth(access);
    }
    http.send(request).await
}

async fn register(http: &Http, key: &str, email: &str, password: &str) -> Answer {
    post(http, key, "/auth/register", None, &json!({"email": email, "password": password})).await
}

async fn record(http: &Http, key: &str, access: &str, body: &Value) -> Answer {
    post(http, key, "/events", Some(access), body).await
}

/// Retry the requests that got `request_in_flight` until all have the expected status.
async fn retry_in_flight<F: Future<Output = Answer>>(
    answers: Vec<Answer>,
    status: u16,
    retry: impl Fn() -> F,
) -> Vec<Answer> {
    let mut settled = Vec::new();
    for mut answer in answers {
        while answer.status == 409 {
            assert_problem(&answer.expect_problem(409, "request_in_flight").json);
            answer = retry().await;
        }
        settled.push(answer.expect_status(status));
    }
    settled
}

#[track_caller]
fn in_flight(answers: &[Answer]) -> usize {
    let waiting: Vec<_> = answers.iter().filter(|answer| answer.status == 409).collect();
    for answer in &waiting {
        assert_eq!(answer.header("retry-after"), Some("1"));
    }
    waiting.len()
}

#[track_caller]
fn assert_one_registration(answers: &[Answer]) {
    let first = answers.first().expect("an answer");
    for answer in answers {
        assert_eq!(answer.json["user"], first.json["user"]);
        assert_eq!(answer.tokens().refresh, first.tokens().refresh);
        assert_eq!(answer.tokens().session(), first.tokens().session());
    }
}

async fn parallel_registrations_with_one_key_create_one_account(backend: Backend) {
    let app = TestApp::spawn(backend).await;
    let one = || register(&app, KEY, "ada@example.com", PASSWORD);
    let answers = join_all((0..PARALLEL).map(|_| one())).await;
    assert!(in_flight(&answers) > 0, "the first request was still in flight");
    assert!(answers.iter().any(|answer| answer.status == 201));
    let answers = retry_in_flight(answers, 201, one).await;
    assert_one_registration(&answers);
    let tokens = answers.last().expect("an answer").tokens();
    app.me(&tokens.access).await.expect_status(200);
    app.refresh(&tokens.refresh).await.expect_status(200);
    let users = app.database.count("SELECT count(*) FROM users").await.expect("a query");
    let sessions = app.database.count("SELECT count(*) FROM sessions").await.expect("a query");
    assert_eq!((users, sessions), (1, 1));
    assert_eq!(app.event_names().await, ["registered", "token_refreshed"]);
    app.finish().await;
}

async fn parallel_events_with_one_key_record_one_event(backend: Backend) {
    let app = TestApp::spawn(backend).await;
    let access = app.registered("ada@example.com").await.tokens().access;
    let body = json!({"name": "seen", "attributes": {"a": 1, "b": {"c": 2, "d": [true]}}});
    let one = || record(&app, KEY, &access, &body);
    let answers = join_all((0..PARALLEL).map(|_| one())).await;
    in_flight(&answers);
    let answers = retry_in_flight(answers, 202, one).await;
    let id = answers[0].str("/id").to_owned();
    assert!(answers.iter().all(|answer| answer.str("/id") == id));
    // The same request with other field order, and the key in quotes, as the draft specifies.
    let same = json!({"attributes": {"b": {"d": [true], "c": 2}, "a": 1}, "name": "seen"});
    let quoted = record(&app, &format!("\"{KEY}\""), &access, &same).await;
    assert_eq!(quoted.expect_status(202).str("/id"), id);
    assert_eq!(app.event_names().await, ["registered", "custom"]);
    app.finish().await;
}

/// Only the database connects the instances.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_instances_execute_a_request_once() {
    let app = TestApp::spawn(Backend::Postgres).await;
    let mut second = app.second_instance(TestClock::running()).await;
    for round in 0..4 {
        let (key, email) = (format!("{KEY}-{round}"), format!("ada{round}@example.com"));
        let one = |http: Http| {
            let (key, email) = (key.clone(), email.clone());
            async move { register(&http, &key, &email, PASSWORD).await }
        };
        let (here, there) =
            tokio::join!(join_all((0..8).map(|_| one(app.http()))), join_all((0..8).map(|_| one(second.http()))));
        let mut answers = retry_in_flight(here, 201, || one(app.http())).await;
        answers.extend(retry_in_flight(there, 201, || one(second.http())).await);
        assert_one_registration(&answers);

        let access = answers[0].tokens().access;
        let event = |http: Http| {
            let (key, access) = (key.clone(), access.clone());
            async move { record(&http, &key, &access, &json!({"name": "seen"})).await }
        };
        let (here, there) = tokio::join!(
            join_all((0..8).map(|_| event(app.http()))),
            join_all((0..8).map(|_| event(second.http())))
        );
        let mut answers = retry_in_flight(here, 202, || event(app.http())).await;
        answers.extend(retry_in_flight(there, 202, || event(second.http())).await);
        assert!(answers.iter().all(|answer| answer.json == answers[0].json));
    }
    let mut names = app.event_names().await;
    names.sort_unstable();
    assert_eq!(names, [["custom"; 4], ["registered"; 4]].concat());
    second.stop().await.expect("stop");
    app.finish().await;
}

async fn a_key_with_another_request_is_refused(backend: Backend) {
    let app = TestApp::spawn(backend).await;
    let ada = register(&app, KEY, "ada@example.com", PASSWORD).await.expect_status(201).tokens();
    register(&app, KEY, "bob@example.com", PASSWORD)
        .await
        .expect_problem(422, "idempotency_key_reused");
    let named = json!({"email": "ada@example.com", "password": PASSWORD, "name": "Ada"});
    let named = post(&app, KEY, "/auth/register", None, &named).await;
    named.expect_problem(422, "idempotency_key_reused");
    // A replay needs the password, and a wrong password is recorded.
    register(&app, KEY, "ada@example.com", "correct horse battery 8")
        .await
        .expect_problem(422, "idempotency_key_reused");

    // A key belongs to one user and one operation.
    let bob = register(&app, "another", "bob@example.com", PASSWORD).await.expect_status(201).tokens();
    let body = json!({"name": "seen"});
    let of_ada = record(&app, KEY, &ada.access, &body).await.expect_status(202);
    let of_bob = record(&app, KEY, &bob.access, &body).await.expect_status(202);
    assert_ne!(of_ada.str("/id"), of_bob.str("/id"));
    for other in [json!({"name": "seen-again"}), json!({"name": "seen", "attributes": {}})] {
        record(&app, KEY, &ada.access, &other).await.expect_problem(422, "idempotency_key_reused");
    }
    let names = app.event_names().await;
    assert_eq!(
        names,
        [
            "registered",
            "reauthentication_failed",
            "registered",
            "custom",
            "custom"
        ]
    );
    app.finish().await;
}

async fn a_failed_request_can_be_retried_with_its_key(backend: Backend) {
    let app = TestApp::spawn(backend).await;
    app.registered("ada@example.com").await;
    register(&app, KEY, "ada@example.com", PASSWORD).await.expect_problem(409, "email_taken");
    register(&app, KEY, "bob@example.com", "password1")
        .await
        .expect_problem(422, "validation_failed");
    register(&app, KEY, "bob@example.com", PASSWORD).await.expect_status(201);
    let stored_keys = app.database.count("SELECT count(*) FROM idempotency_keys").await;
    assert_eq!(stored_keys.expect("a query"), 1);
    app.finish().await;
}

async fn a_registration_can_be_replayed_until_its_tokens_are_used(backend: Backend) {
    let app = TestApp::spawn(backend).await;
    let first = register(&app, KEY, "ada@example.com", PASSWORD).await.expect_status(201);
    let replay = register(&app, KEY, "ada@example.com", PASSWORD).await.expect_status(201);
    assert_one_registration(&[first, replay.clone()]);
    app.refresh(&replay.tokens().refresh).await.expect_status(200);
    // The first refresh token has been used. Returning it again would look like reuse.
    register(&app, KEY, "ada@example.com", PASSWORD).await.expect_problem(409, "answer_spent");

    let other = register(&app, "other", "bob@example.com", PASSWORD).await.expect_status(201);
    app.logout(&other.tokens().access, "local").await.expect_status(204);
    register(&app, "other", "bob@example.com", PASSWORD)
        .await
        .expect_problem(409, "answer_spent");
    assert_eq!(app.event_names().await, ["registered", "token_refreshed", "registered", "logged_out"]);
    app.finish().await;
}

async fn a_key_expires_after_a_day(backend: Backend) {
    let clock = TestClock::frozen();
    let app = TestApp::builder(backend).clock(clock.clone()).spawn().await;
    app.registered("ada@example.com").await;
    let body = json!({"name": "seen"});
    let seen = || async {
        let access = app.login("ada@example.com", PASSWORD).await.tokens().access;
        record(&app, KEY, &access, &body).await.expect_status(202).str("/id").to_owned()
    };
    let first = seen().await;
    clock.advance(Duration::from_secs(86_399));
    assert_eq!(seen().await, first);
    clock.advance(Duration::from_secs(1));
    let second = seen().await;
    assert_ne!(second, first);
    assert_eq!(seen().await, second, "the key was stored again");

    let stored_keys = || async { app.database.count("SELECT count(*) FROM idempotency_keys").await.expect("a query") };
    let prune = |at| app.store().delete_expired(Expirable::IdempotencyKeys, at, 1000);
    let now = watchword::domain::clock::Clock::now(&clock);
    assert_eq!(prune(now).await.expect("prune"), 0);
    assert_eq!(stored_keys().await, 1);
    assert_eq!(prune(now + time::Duration::days(2)).await.expect("prune"), 1);
    assert_eq!(stored_keys().await, 0);
    app.finish().await;
}

async fn a_malformed_key_is_refused(backend: Backend) {
    let app = TestApp::spawn(backend).await;
    let too_long = "k".repeat(256);
    for key in ["", "a b", "\"a", "a\u{fc}", "\"\"", &too_long] {
        let answer = register(&app, key, "ada@example.com", PASSWORD).await;
        let answer = answer.expect_problem(400, "invalid_parameter");
        assert_eq!(answer.str("/errors/0/header"), "Idempotency-Key");
        assert!(!answer.text.contains("kkkk"), "{}", answer.text);
    }
    let body = json!({"email": "ada@example.com", "password": PASSWORD});
    let two = app.request(Method::POST, "/auth/register").json(&body);
    let two = two.header("idempotency-key", "a").header("idempotency-key", "b");
    app.send(two).await.expect_problem(400, "invalid_parameter");
    assert!(app.event_names().await.is_empty());
    app.finish().await;
}
