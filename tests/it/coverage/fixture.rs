//! The application that rows run against. Rows run one at a time, so that new events belong to the
//! current request.

use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::Duration;

use reqwest::{Method, RequestBuilder};
use serde_json::{Value, json};
use time::OffsetDateTime;
use tokio::sync::Mutex;
use uuid::Uuid;
use watchword::domain::clock::Clock as _;

use crate::support::app::{Builder, PASSWORD, TestApp};
use crate::support::clock::TestClock;
use crate::support::database::{Backend, LedgerRow};
use crate::support::http::{Http, Tokens};
use crate::support::names::short_name;
use crate::support::oauth;
use crate::support::smtp::SmtpServer;
use crate::support::wait::eventually;

const TIMEOUT: Duration = Duration::from_secs(60);

pub(super) struct Fixture {
    app: TestApp,
    smtp: Option<SmtpServer>,
    /// Frozen, so that an authenticator's code does not expire on its way.
    clock: TestClock,
    /// Whether an earlier row was rate limited. Its event is recorded when the clock advances.
    has_refused: AtomicBool,
    counter: AtomicU32,
    admin: Mutex<Option<Tokens>>,
}

pub(super) struct User {
    pub(super) id: Uuid,
    pub(super) email: String,
    pub(super) tokens: Tokens,
}

/// The outcome of a request, and the events that it recorded.
pub(super) struct Observed {
    outcome: String,
    answer: Value,
    events: Vec<LedgerRow>,
    about: Option<Uuid>,
}

impl Fixture {
    pub(super) async fn new(backend: Backend) -> Self {
        let smtp = SmtpServer::start().await;
        Self::with_builder(TestApp::builder(backend).settings(smtp.settings()), Some(smtp)).await
    }

    /// An application with low rate limits.
    pub(super) async fn limited(backend: Backend) -> Self {
        let builder = TestApp::builder(backend).settings(|settings| {
            settings.limits.enabled = true;
            settings.limits.login.count = 1;
            settings.limits.register.count = 3;
            settings.limits.refresh.count = 1;
            settings.limits.change.count = 1;
            settings.limits.custom.count = 1;
            settings.limits.forgot.count = 1;
            settings.limits.code.count = 1;
            settings.limits.resend.count = 1;
        });
        Self::with_builder(builder, None).await
    }

    /// An application that neither sends nor logs mails, and records no custom events.
    pub(super) async fn without_options(backend: Backend) -> Self {
        let builder = TestApp::builder(backend).settings(|settings| {
            settings.events.environment = "test".to_owned();
            settings.events.custom = false;
        });
        Self::with_builder(builder, None).await
    }

    async fn with_builder(builder: Builder, smtp: Option<SmtpServer>) -> Self {
        let clock = TestClock::frozen();
        Self {
            app: builder.clock(clock.clone()).spawn().await,
            smtp,
            clock,
            has_refused: AtomicBool::new(false),
            counter: AtomicU32::new(0),
            admin: Mutex::new(None),
        }
    }

    pub(super) async fn finish(self) {
        self.app.finish().await;
    }

    /// The time of the application's clock.
    pub(super) fn now(&self) -> OffsetDateTime {
        self.clock.now()
    }

    fn http(&self) -> Http {
        self.app.http()
    }

    /// A unique address.
    pub(super) fn new_email(&self) -> String {
        format!("person{}@example.com", self.counter.fetch_add(1, Ordering::Relaxed))
    }

    /// Register a user.
    pub(super) async fn user(&self) -> User {
        let email = self.new_email();
        let answer = self.app.registered(&email).await;
        let id = answer.str("/user/id").parse().expect("an id");
        let tokens = answer.tokens();
        User { id, email, tokens }
    }

    /// Register a user with an idempotency key. Return the body, too.
    pub(super) async fn keyed_registration(&self) -> (Value, User) {
        let email = self.new_email();
        let body = json!({ "email": email, "password": PASSWORD });
        let request = self.post("/auth/register", &body).header("idempotency-key", self.key_for(&body));
        let answer = self.http().send(request).await.expect_status(201);
        let id = answer.str("/user/id").parse().expect("an id");
        let tokens = answer.tokens();
        (body, User { id, email, tokens })
    }

    /// The idempotency key for a body.
    pub(super) fn key_for(&self, body: &Value) -> String {
        format!("key-of-{}", body["email"].as_str().expect("an address"))
    }

    /// The administrator's tokens.
    pub(super) async fn admin(&self) -> Tokens {
        let mut cached = self.admin.lock().await;
        let tokens = match cached.take() {
            None => self.app.admin().await,
            Some(tokens) if self.is_expired(&tokens) => {
                let login = self.http().login("root@example.com", PASSWORD).await;
                login.expect_status(200).tokens()
            }
            Some(tokens) => tokens,
        };
        cached.insert(tokens).clone()
    }

    fn is_expired(&self, tokens: &Tokens) -> bool {
        let expiry = tokens.claims()["exp"].as_i64().expect("exp");
        expiry <= self.now().unix_timestamp()
    }

    /// Advance the clock until no rate limit is exhausted, and wait for the events of earlier
    /// refusals. The service records them after a minute, and they must not count for the next row.
    /// Does nothing before the first row.
    pub(super) async fn wait_for_quota(&self) {
        if !self.has_refused.swap(true, Ordering::Relaxed) {
            return;
        }
        let recorded = async || {
            let rows = self.app.ledger().await;
            rows.iter().filter(|row| row.subject == "auth.system.rate_limited").count()
        };
        let before = recorded().await;
        self.clock.advance(Duration::from_secs(3660));
        eventually(TIMEOUT, || async { recorded().await > before }).await;
    }

    /// The code of the newest of `count` mails to the user with this subject.
    pub(super) async fn mailed_code(&self, user: &User, subject: &str, count: usize) -> String {
        let smtp = self.smtp.as_ref().expect("a mail server");
        smtp.mail(&user.email, subject, count).await.code()
    }

    /// Demote all other administrators. Return the id of the only one left.
    pub(super) async fn sole_admin(&self) -> String {
        let admin = self.admin().await;
        let own = admin.claims()["sub"].as_str().expect("sub").to_owned();
        let list = self.app.get_as(&admin.access, "/users?role=admin&limit=100").await;
        for other in list.json["users"].as_array().expect("users") {
            let id = other["id"].as_str().expect("an id");
            if id != own {
                let path = format!("/users/{id}/roles/admin");
                let demote = self.request(Method::DELETE, &path).bearer_auth(&admin.access);
                self.http().send(demote).await.expect_status(200);
            }
        }
        own
    }

    /// Start another session.
    pub(super) async fn log_in_again(&self, user: &User) -> Tokens {
        self.http().login(&user.email, PASSWORD).await.expect_status(200).tokens()
    }

    pub(super) async fn refresh(&self, tokens: &Tokens) -> Tokens {
        self.http().refresh(&tokens.refresh).await.expect_status(200).tokens()
    }

    pub(super) fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.http().request(method, path)
    }

    pub(super) fn post(&self, path: &str, body: &Value) -> RequestBuilder {
        self.request(Method::POST, path).json(body)
    }

    /// POST a form as the configured client.
    pub(super) fn as_client(&self, path: &str, fields: &[(&str, &str)]) -> RequestBuilder {
        oauth::as_client(&self.app, path, fields)
    }

    /// Send a request. Return the outcome and the events.
    pub(super) async fn send(&self, request: RequestBuilder) -> Observed {
        let before = self.app.ledger().await.len();
        let answer = self.http().send(request).await;
        let events = self.app.ledger().await.split_off(before);
        let status = answer.status.as_u16();
        let code = answer.json.get("code").or_else(|| answer.json.get("error"));
        let code = code.and_then(Value::as_str);
        Observed {
            outcome: code.map_or_else(|| status.to_string(), |code| format!("{status} {code}")),
            answer: answer.json,
            events,
            about: None,
        }
    }

    /// Send a request whose response does not end. Return the outcome and the events.
    pub(super) async fn open_stream(&self, request: RequestBuilder) -> Observed {
        let before = self.app.ledger().await.len();
        let answer = request.send().await.expect("an answer");
        Observed {
            outcome: answer.status().as_u16().to_string(),
            answer: Value::Null,
            events: self.app.ledger().await.split_off(before),
            about: None,
        }
    }

    /// Send the request until it is rate limited.
    pub(super) async fn until_limited(&self, request: impl Fn() -> RequestBuilder) -> Observed {
        for _ in 0..10 {
            let observed = self.send(request()).await;
            if observed.outcome.starts_with("429") {
                return observed;
            }
        }
        panic!("ten requests without a rate limit");
    }
}

impl Observed {
    /// The user that the events must be about. Without this call, they must be about no user.
    pub(super) const fn about(mut self, user: &User) -> Self {
        self.about = Some(user.id);
        self
    }

    /// Like [`Self::about`], with the id.
    pub(super) fn about_id(mut self, id: &str) -> Self {
        self.about = id.parse().ok();
        self
    }

    /// The status, and for an error the problem's code.
    pub(super) fn outcome(&self) -> &str {
        &self.outcome
    }

    /// The code and the body, if the response is a problem.
    pub(super) fn problem(&self) -> Option<(String, Value)> {
        let code = self.answer.get("code")?.as_str()?;
        Some((code.to_owned(), self.answer.clone()))
    }

    /// A string in the response.
    pub(super) fn text(&self, pointer: &str) -> String {
        let text = self.answer.pointer(pointer).and_then(Value::as_str);
        text.unwrap_or_else(|| panic!("no {pointer} in {}", self.answer)).to_owned()
    }

    /// The id in the response.
    pub(super) fn response_id(&self) -> String {
        self.answer["id"].as_str().expect("an id").to_owned()
    }

    /// Like [`Self::about`], with the user of the new session in the response.
    pub(super) fn about_response_session(mut self) -> Self {
        let id = self.answer.pointer("/user/id").and_then(Value::as_str);
        self.about = id.and_then(|id| id.parse().ok());
        self
    }

    /// Like [`Self::about`], with the user that is the response.
    pub(super) fn about_response_user(mut self) -> Self {
        let id = self.answer.get("id").and_then(Value::as_str);
        self.about = id.and_then(|id| id.parse().ok());
        self
    }

    /// The differences from the expected outcome and events.
    pub(super) fn differences(&self, outcome: &str, events: &[(&str, Value)]) -> impl Iterator<Item = String> {
        let mut found = Vec::new();
        if self.outcome != outcome {
            found.push(format!("ended in {}", self.outcome));
        }
        let recorded: Vec<String> = self.events.iter().map(|row| short_name(&row.subject)).collect();
        let expected: Vec<&str> = events.iter().map(|(name, _)| *name).collect();
        if recorded != expected {
            found.push(format!("recorded {recorded:?}, expected {expected:?}"));
        }
        for (row, (_, fields)) in self.events.iter().zip(events) {
            let payload: Value = serde_json::from_slice(&row.payload).expect("JSON");
            let data = &payload["data"];
            for (field, value) in fields.as_object().expect("fields") {
                if data.get(field) != Some(value) {
                    found.push(format!("{}: {field} is {:?}, expected {value}", row.subject, data.get(field)));
                }
            }
            let about = self.about.map(|id| json!(id));
            if row.user_id != self.about || data.get("userId") != about.as_ref() {
                found.push(format!("{} is about {:?}, expected {about:?}", row.subject, row.user_id));
            }
        }
        found.into_iter()
    }
}
