//! A login that fails does not tell why: not by its answer, not by its time.

use std::time::{Duration, Instant};

use reqwest::header::{DATE, HeaderMap};
use serde_json::Value;
use tokio::sync::Mutex;

use crate::support::app::{PASSWORD, TestApp};
use crate::support::database::Backend;
use crate::support::flow_tests;
use crate::support::http::Answer;

flow_tests! {
    failed_logins_answer_and_cost_alike => failed_logins_on,
    failed_logins_are_recorded_without_what_was_typed => recorded_on,
}

const WRONG: &str = "not the right password";
/// Logins per class in one measurement.
const SAMPLES: usize = 100;
/// Measurements before a difference counts; each is added to the ones before.
const MEASUREMENTS: usize = 8;

/// The ways to fail: nobody has the name; the password is wrong; the account is disabled.
const CLASSES: [(&str, &str, &str); 3] = [
    ("unknown", "nobody@example.com", PASSWORD),
    ("wrong", "ada@example.com", WRONG),
    ("disabled", "disabled@example.com", PASSWORD),
];

async fn with_accounts(backend: Backend) -> TestApp {
    let app = TestApp::spawn(backend).await;
    app.registered("ada@example.com").await;
    app.registered("disabled@example.com").await;
    let disable = "UPDATE users SET status = 'disabled' WHERE email = 'disabled@example.com'";
    app.database.execute(disable).await.expect("disable an account");
    app
}

/// What an answer shows, without what differs between any two requests.
fn shown(answer: &Answer) -> (u16, HeaderMap, Value) {
    let mut headers = answer.headers.clone();
    headers.remove(DATE);
    headers.remove("x-request-id");
    let mut body = answer.json.clone();
    if let Some(fields) = body.as_object_mut() {
        fields.remove("requestId").expect("a request id");
    }
    (answer.status.as_u16(), headers, body)
}

async fn failed_logins_on(backend: Backend) {
    // One measurement at a time: two would take turns on the same cores.
    static ALONE: Mutex<()> = Mutex::const_new(());
    let app = with_accounts(backend).await;
    let mut answers = Vec::new();
    for (_, identifier, password) in CLASSES {
        let answer = app
            .login(identifier, password)
            .await
            .expect_problem(401, "invalid_credentials");
        answers.push(shown(&answer));
    }
    for (answer, (class, ..)) in answers.iter().zip(CLASSES) {
        assert_eq!(Some(answer), answers.first(), "{class} answers differently");
    }
    let _alone = ALONE.lock().await;
    let mut times = Times::default();
    let mut differences = Vec::new();
    // A difference that is there stays; what other tests do on the machine evens out.
    for _ in 0..MEASUREMENTS {
        measure(&app, &mut times).await;
        match difference(&medians(times.clone())) {
            None => return app.finish().await,
            Some(found) => differences.push(found),
        }
    }
    panic!("failed logins differ in time: {differences:#?}");
}

/// The times of each class.
type Times = [Vec<Duration>; CLASSES.len()];

/// Adds [`SAMPLES`] logins of each class.
async fn measure(app: &TestApp, times: &mut Times) {
    for round in 0..SAMPLES {
        for turn in 0..CLASSES.len() {
            // Each class is first, second and last equally often.
            let class = (turn + round) % CLASSES.len();
            let (_, identifier, password) = CLASSES[class];
            let start = Instant::now();
            let answer = app.login(identifier, password).await;
            times[class].push(start.elapsed());
            answer.expect_problem(401, "invalid_credentials");
        }
    }
}

/// The median time of each class, in seconds.
fn medians(times: Times) -> [f64; CLASSES.len()] {
    times.map(|mut times| {
        times.sort();
        times[times.len() / 2].as_secs_f64()
    })
}

/// The first pair of classes whose medians are more than a tenth apart.
fn difference(medians: &[f64; CLASSES.len()]) -> Option<String> {
    for (median, (class, ..)) in medians.iter().zip(CLASSES) {
        for (other, (other_class, ..)) in medians.iter().zip(CLASSES) {
            let ratio = median / other;
            if !(0.9..=1.1).contains(&ratio) {
                return Some(format!(
                    "{class} costs {ratio:.3} times what {other_class} costs: {medians:?}"
                ));
            }
        }
    }
    None
}

async fn recorded_on(backend: Backend) {
    let app = with_accounts(backend).await;
    for (_, identifier, password) in CLASSES {
        app.login(identifier, password)
            .await
            .expect_problem(401, "invalid_credentials");
        app.login(&identifier.to_uppercase(), password)
            .await
            .expect_problem(401, "invalid_credentials");
    }
    let events = app.events().await;
    let failed: Vec<_> = events
        .iter()
        .filter(|event| event.subject == "auth.user.login_failed")
        .collect();
    let reasons: Vec<_> = failed
        .iter()
        .filter_map(|event| event.payload["data"]["reason"].as_str())
        .collect();
    let expected = [
        "unknown_account",
        "unknown_account",
        "wrong_password",
        "wrong_password",
        "disabled",
        "disabled",
    ];
    assert_eq!(reasons, expected);
    for pair in failed.chunks(2) {
        let hashes: Vec<_> = pair
            .iter()
            .map(|event| &event.payload["data"]["identifierHash"])
            .collect();
        assert!(
            hashes[0].is_string() && hashes[0] == hashes[1],
            "one hash per identifier, however it is written"
        );
    }
    for event in &failed[..2] {
        assert_eq!(event.payload["data"].get("userId"), None, "nobody is known");
        assert_eq!(event.header("ce-subject"), None);
    }
    for event in &events {
        let text = String::from_utf8_lossy(&event.bytes);
        for secret in [PASSWORD, WRONG, "nobody@example.com", "NOBODY"] {
            assert!(!text.contains(secret), "{secret} is in {text}");
        }
    }
    app.finish().await;
}
