//! The times of events that end sessions. Subscribers compare them with the start of sessions.

use std::time::Duration;

use reqwest::Method;
use serde_json::json;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use uuid::Uuid;
use watchword::domain::clock::{Clock as _, to_millis};

use crate::flows::users::rights::act;
use crate::support::app::{PASSWORD, TestApp};
use crate::support::clock::TestClock;
use crate::support::database::Backend;
use crate::support::flow_tests;
use crate::support::http::{Answer, Tokens};
use crate::support::nats::StreamMessage;
use crate::support::row_lock::{RowLock, wait_until_blocked};
use crate::support::smtp::SmtpServer;

flow_tests! {
    no_session_ends_before_it_began,
}

/// The clock skew between two instances, within the tolerance for tokens.
const CLOCK_SKEW: Duration = Duration::from_secs(3);

/// The operations that end all sessions with one event, and the event.
const OPERATIONS: [(Operation, &str); 7] = [
    (Operation::Change, "password_changed"),
    (Operation::Reset, "password_reset_completed"),
    (Operation::LogOut("global"), "logged_out"),
    (Operation::LogOut("others"), "logged_out"),
    (Operation::Delete, "deleted"),
    (Operation::Administrator(Method::POST, "/disable"), "disabled"),
    (Operation::Administrator(Method::DELETE, ""), "deleted"),
];

#[derive(Debug)]
enum Operation {
    Change,
    Reset,
    LogOut(&'static str),
    Delete,
    Administrator(Method, &'static str),
}

struct Fixture {
    app: TestApp,
    smtp: SmtpServer,
    root: Tokens,
}

impl Fixture {
    /// End the sessions of an account, as its owner or as an administrator.
    async fn end(&self, operation: &Operation, email: &str, own: &Tokens, code: &str) -> Answer {
        let app = &self.app;
        match operation {
            Operation::Change => {
                let body = json!({ "currentPassword": PASSWORD, "newPassword": "quiet harbour 52" });
                app.send_as(&own.access, Method::POST, "/auth/password/change", &body).await
            }
            Operation::Reset => {
                let body = json!({ "code": code, "newPassword": "quiet harbour 52" });
                app.post("/auth/password/reset", &body).await
            }
            Operation::LogOut(scope) => app.logout(&own.access, scope).await,
            Operation::Delete => {
                let body = json!({ "password": PASSWORD });
                app.send_as(&own.access, Method::POST, "/auth/me/delete", &body).await
            }
            Operation::Administrator(method, path) => {
                let user = own.claims()["sub"].as_str().expect(email).to_owned();
                act(app, &self.root.access, method.clone(), &format!("/users/{user}{path}")).await
            }
        }
    }

    /// Request a password reset code.
    async fn code(&self, email: &str) -> String {
        let body = json!({ "email": email });
        self.app.post("/auth/password/forgot", &body).await.expect_status(202);
        self.smtp.mail(email, "Reset your password", 1).await.code()
    }
}

/// The time in a UUIDv7.
fn time_of_id(id: &str) -> OffsetDateTime {
    let id: Uuid = id.parse().expect("an id");
    let (seconds, nanos) = id.get_timestamp().expect("a time").to_unix();
    let seconds = OffsetDateTime::from_unix_timestamp(seconds.cast_signed()).expect("a time");
    seconds + Duration::from_nanos(nanos.into())
}

/// The times in an event: its timestamp, and the time in its id.
fn times(event: &StreamMessage) -> [OffsetDateTime; 2] {
    let timestamp = event.payload["data"]["timestamp"].as_str().expect("a time");
    let timestamp = OffsetDateTime::parse(timestamp, &Rfc3339).expect("a time");
    [timestamp, time_of_id(event.header("Nats-Msg-Id").expect("an id"))]
}

/// All sessions may end during the wait, so the new session must start after it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_login_that_waited_for_a_lock_begins_after_the_wait() {
    let clock = TestClock::frozen();
    let app = TestApp::builder(Backend::Postgres).clock(clock.clone()).spawn().await;
    let email = "ada@example.com";
    app.registered(email).await;
    let row_lock = RowLock::account(&app.database, email).await;
    let (login, granted) = tokio::join!(app.login(email, PASSWORD), async {
        wait_until_blocked(&app.database, 1).await;
        clock.advance(CLOCK_SKEW);
        let granted = clock.now();
        row_lock.release().await;
        granted
    });
    let granted = to_millis(granted);
    let began = time_of_id(&login.expect_status(200).tokens().session());
    let events = app.events().await;
    let [timestamp, id] = times(events.last().expect("an event"));
    assert_eq!([began, timestamp, id], [granted; 3]);
    app.finish().await;
}

/// The clock at the start of the session is ahead of the clock at its end.
async fn no_session_ends_before_it_began(backend: Backend) {
    let (smtp, clock) = (SmtpServer::start().await, TestClock::frozen());
    let builder = TestApp::builder(backend).settings(smtp.settings()).clock(clock.clone());
    let app = builder.spawn().await;
    let root = app.admin().await;
    let fixture = Fixture { app, smtp, root };
    let mut failures = Vec::new();
    for (round, (operation, name)) in OPERATIONS.iter().enumerate() {
        let email = format!("ada{round}@example.com");
        let own = fixture.app.registered(&email).await.tokens();
        let code = match operation {
            Operation::Reset => fixture.code(&email).await,
            _ => String::new(),
        };
        clock.advance(CLOCK_SKEW);
        let newest = fixture.app.login(&email, PASSWORD).await.expect_status(200).tokens();
        clock.set_back(CLOCK_SKEW);
        let ended = fixture.end(operation, &email, &own, &code).await;
        assert!(ended.status.is_success(), "{operation:?}: {}", ended.text);

        let events = fixture.app.events().await;
        let event = events.last().expect("an event");
        assert!(event.subject.ends_with(name), "{operation:?}: {}", event.subject);
        let began = time_of_id(&newest.session());
        let earlier = times(event).into_iter().filter(|at| *at < began);
        failures.extend(earlier.map(|at| format!("{operation:?}: a session began at {began} and ended at {at}")));
        let refused = fixture.app.refresh(&newest.refresh).await;
        refused.expect_problem(401, "invalid_refresh_token");
    }
    assert!(failures.is_empty(), "{failures:#?}");
    fixture.app.finish().await;
}
