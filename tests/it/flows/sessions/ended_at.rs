//! When what ends sessions is said to have happened: who learns of it from the event compares that with when sessions began.

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
use crate::support::row_lock::{RowLock, wait_until_blocked};
use crate::support::http::{Answer, Tokens};
use crate::support::nats::StreamMessage;
use crate::support::smtp::SmtpServer;

flow_tests! {
    no_session_ends_before_it_began,
}

/// Less than the difference between clocks that tokens are forgiven.
const BEHIND: Duration = Duration::from_secs(3);

/// The ways to end sessions that one event stands for, each with its event.
const WAYS: [(Way, &str); 7] = [
    (Way::Change, "password_changed"),
    (Way::Reset, "password_reset_completed"),
    (Way::LogOut("global"), "logged_out"),
    (Way::LogOut("others"), "logged_out"),
    (Way::Delete, "deleted"),
    (Way::Administrator(Method::POST, "/disable"), "disabled"),
    (Way::Administrator(Method::DELETE, ""), "deleted"),
];

#[derive(Debug)]
enum Way {
    Change,
    Reset,
    LogOut(&'static str),
    Delete,
    Administrator(Method, &'static str),
}

struct Scene {
    app: TestApp,
    smtp: SmtpServer,
    root: Tokens,
}

impl Scene {
    /// Ends the sessions of the account with the address, as the owner of one of them or as an administrator.
    async fn end(&self, way: &Way, email: &str, own: &Tokens, code: &str) -> Answer {
        let app = &self.app;
        match way {
            Way::Change => {
                let body = json!({ "currentPassword": PASSWORD, "newPassword": "quiet harbour 52" });
                app.send_as(&own.access, Method::POST, "/auth/password/change", &body)
                    .await
            }
            Way::Reset => {
                let body = json!({ "code": code, "password": "quiet harbour 52" });
                app.post("/auth/password/reset", &body).await
            }
            Way::LogOut(scope) => app.logout(&own.access, scope).await,
            Way::Delete => {
                let body = json!({ "password": PASSWORD });
                app.send_as(&own.access, Method::DELETE, "/auth/me", &body).await
            }
            Way::Administrator(method, path) => {
                let user = own.claims()["sub"].as_str().expect(email).to_owned();
                act(app, &self.root.access, method.clone(), &format!("/users/{user}{path}")).await
            }
        }
    }

    /// A code that sets a new password.
    async fn code(&self, email: &str) -> String {
        let body = json!({ "email": email });
        self.app.post("/auth/password/forgot", &body).await.expect_status(202);
        self.smtp.mail(email, "Reset your password", 1).await.code()
    }
}

/// When something with an id that tells the time was made.
fn made_at(id: &str) -> OffsetDateTime {
    let id: Uuid = id.parse().expect("an id");
    let (seconds, nanos) = id.get_timestamp().expect("a time").to_unix();
    let seconds = OffsetDateTime::from_unix_timestamp(seconds.cast_signed()).expect("a time");
    seconds + Duration::from_nanos(nanos.into())
}

/// What an event says about when it happened.
fn times(event: &StreamMessage) -> [OffsetDateTime; 2] {
    let said = event.payload["data"]["timestamp"].as_str().expect("a time");
    let said = OffsetDateTime::parse(said, &Rfc3339).expect("a time");
    [said, made_at(event.header("Nats-Msg-Id").expect("an id"))]
}

/// While it waits for the account all sessions may end, and what says so is later than the moment it came.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_login_that_waited_for_a_lock_begins_after_the_wait() {
    let clock = TestClock::frozen();
    let app = TestApp::builder(Backend::Postgres).clock(clock.clone()).spawn().await;
    let email = "ada@example.com";
    app.registered(email).await;
    let held = RowLock::account(&app.database, email).await;
    let (login, turn) = tokio::join!(app.login(email, PASSWORD), async {
        wait_until_blocked(&app.database, 1).await;
        clock.advance(BEHIND);
        let turn = clock.now();
        held.release().await;
        turn
    });
    let turn = to_millis(turn);
    let began = made_at(&login.expect_status(200).tokens().session());
    let events = app.events().await;
    let [said, id] = times(events.last().expect("an event"));
    assert_eq!([began, said, id], [turn; 3]);
    app.finish().await;
}

/// The session began by another clock, which is ahead of the one that it ends by.
async fn no_session_ends_before_it_began(backend: Backend) {
    let (smtp, clock) = (SmtpServer::start().await, TestClock::frozen());
    let builder = TestApp::builder(backend).settings(smtp.settings()).clock(clock.clone());
    let app = builder.spawn().await;
    let root = app.admin().await;
    let scene = Scene { app, smtp, root };
    let mut early = Vec::new();
    for (round, (way, name)) in WAYS.iter().enumerate() {
        let email = format!("ada{round}@example.com");
        let own = scene.app.registered(&email).await.tokens();
        let code = match way {
            Way::Reset => scene.code(&email).await,
            _ => String::new(),
        };
        clock.advance(BEHIND);
        let newest = scene.app.login(&email, PASSWORD).await.expect_status(200).tokens();
        clock.set_back(BEHIND);
        let ended = scene.end(way, &email, &own, &code).await;
        assert!(ended.status.is_success(), "{way:?}: {}", ended.text);

        let events = scene.app.events().await;
        let event = events.last().expect("an event");
        assert!(event.subject.ends_with(name), "{way:?}: {}", event.subject);
        let began = made_at(&newest.session());
        let earlier = times(event).into_iter().filter(|at| *at < began);
        early.extend(earlier.map(|at| format!("{way:?}: a session began at {began} and ended at {at}")));
        let refused = scene.app.refresh(&newest.refresh).await;
        refused.expect_problem(401, "invalid_refresh_token");
    }
    assert!(early.is_empty(), "{early:#?}");
    scene.app.finish().await;
}
