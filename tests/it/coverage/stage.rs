//! Where rows are played: one application, asked one thing at a time, so that what is recorded meanwhile is the answer's.

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
use crate::support::oauth;
use crate::support::smtp::SmtpServer;
use crate::support::wait::eventually;

const SOON: Duration = Duration::from_secs(60);

/// One application.
pub(super) struct Stage {
    app: TestApp,
    smtp: Option<SmtpServer>,
    /// Stands still: what is computed from the time, such as an authenticator's code, is right when it arrives.
    clock: TestClock,
    /// Whether an earlier row was refused by a limit: its event is recorded when the clock moves on.
    has_refused: AtomicBool,
    people: AtomicU32,
    admin: Mutex<Option<Tokens>>,
}

/// Somebody with an account.
pub(super) struct Person {
    pub(super) id: Uuid,
    pub(super) email: String,
    pub(super) tokens: Tokens,
}

/// How a request ended, and what was recorded.
pub(super) struct Observed {
    outcome: String,
    answer: Value,
    events: Vec<LedgerRow>,
    about: Option<Uuid>,
}

impl Stage {
    pub(super) async fn new(backend: Backend) -> Self {
        let smtp = SmtpServer::start().await;
        Self::of(TestApp::builder(backend).settings(smtp.settings()), Some(smtp)).await
    }

    /// Where everything is allowed a few times at most.
    pub(super) async fn limited(backend: Backend) -> Self {
        let builder = TestApp::builder(backend).settings(|settings| {
            settings.limits.enabled = true;
            settings.limits.login_per_minute = 1;
            settings.limits.register_per_hour = 3;
            settings.limits.refresh_per_minute = 1;
            settings.limits.change_per_minute = 1;
            settings.limits.custom_per_minute = 1;
            settings.limits.forgot_per_hour = 1;
            settings.limits.code_per_minute = 1;
            settings.limits.resend_per_hour = 1;
        });
        Self::of(builder, None).await
    }

    /// Where nobody sends mails or reads them in the log.
    pub(super) async fn without_mail(backend: Backend) -> Self {
        let builder = TestApp::builder(backend).settings(|settings| settings.events.environment = "test".to_owned());
        Self::of(builder, None).await
    }

    async fn of(builder: Builder, smtp: Option<SmtpServer>) -> Self {
        let clock = TestClock::frozen();
        Self {
            app: builder.clock(clock.clone()).spawn().await,
            smtp,
            clock,
            has_refused: AtomicBool::new(false),
            people: AtomicU32::new(0),
            admin: Mutex::new(None),
        }
    }

    pub(super) async fn finish(self) {
        self.app.finish().await;
    }

    /// The time that the application sees.
    pub(super) fn now(&self) -> OffsetDateTime {
        self.clock.now()
    }

    fn http(&self) -> Http {
        self.app.http()
    }

    /// An address that nobody has.
    pub(super) fn new_email(&self) -> String {
        format!("person{}@example.com", self.people.fetch_add(1, Ordering::Relaxed))
    }

    /// A new account, signed in.
    pub(super) async fn person(&self) -> Person {
        let email = self.new_email();
        let answer = self.app.registered(&email).await;
        let id = answer.str("/user/id").parse().expect("an id");
        let tokens = answer.tokens();
        Person { id, email, tokens }
    }

    /// An account that was registered with a key, and the body that did it.
    pub(super) async fn keyed_registration(&self) -> (Value, Person) {
        let email = self.new_email();
        let body = json!({ "email": email, "password": PASSWORD });
        let request = self
            .post("/auth/register", &body)
            .header("idempotency-key", self.key(&body));
        let answer = self.http().send(request).await.expect_status(201);
        let id = answer.str("/user/id").parse().expect("an id");
        let tokens = answer.tokens();
        (body, Person { id, email, tokens })
    }

    /// The key of a registration.
    pub(super) fn key(&self, body: &Value) -> String {
        format!("key-of-{}", body["email"].as_str().expect("an address"))
    }

    /// The administrator's tokens.
    pub(super) async fn admin(&self) -> Tokens {
        let mut known = self.admin.lock().await;
        let tokens = match known.take() {
            None => self.app.admin().await,
            Some(tokens) if self.is_expired(&tokens) => {
                let login = self.http().login("root@example.com", PASSWORD).await;
                login.expect_status(200).tokens()
            }
            Some(tokens) => tokens,
        };
        known.insert(tokens).clone()
    }

    fn is_expired(&self, tokens: &Tokens) -> bool {
        let expiry = tokens.claims()["exp"].as_i64().expect("exp");
        expiry <= self.now().unix_timestamp()
    }

    /// Lets time pass until no rate limit is exhausted, and waits for the events of the earlier refusals, which the
    /// service records once their minute is over: they are not the next row's. Before the first row nothing is
    /// exhausted, and there is nothing to wait for.
    pub(super) async fn rest(&self) {
        if !self.has_refused.swap(true, Ordering::Relaxed) {
            return;
        }
        let recorded = async || {
            let rows = self.app.ledger().await;
            rows.iter()
                .filter(|row| row.subject == "auth.user.rate_limited")
                .count()
        };
        let before = recorded().await;
        self.clock.advance(Duration::from_secs(3660));
        eventually(SOON, || async { recorded().await > before }).await;
    }

    /// The code of the newest of `count` mails of this kind to somebody.
    pub(super) async fn mailed_code(&self, person: &Person, subject: &str, count: usize) -> String {
        let smtp = self.smtp.as_ref().expect("a mail server");
        smtp.mail(&person.email, subject, count).await.code()
    }

    /// The administrator's id, after everybody else who was made one has been demoted.
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

    /// Another session of the same person.
    pub(super) async fn another_session(&self, person: &Person) -> Tokens {
        self.http()
            .login(&person.email, PASSWORD)
            .await
            .expect_status(200)
            .tokens()
    }

    /// The successors of a pair of tokens.
    pub(super) async fn refreshed(&self, tokens: &Tokens) -> Tokens {
        self.http().refresh(&tokens.refresh).await.expect_status(200).tokens()
    }

    pub(super) fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.http().request(method, path)
    }

    pub(super) fn post(&self, path: &str, body: &Value) -> RequestBuilder {
        self.request(Method::POST, path).json(body)
    }

    /// POST of a form by the client that is configured.
    pub(super) fn as_client(&self, path: &str, fields: &[(&str, &str)]) -> RequestBuilder {
        oauth::as_client(&self.app, path, fields)
    }

    /// Sends a request and sees what it records.
    pub(super) async fn ask(&self, request: RequestBuilder) -> Observed {
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

    /// Sends a request whose answer does not end, and sees how it begins.
    pub(super) async fn begin(&self, request: RequestBuilder) -> Observed {
        let before = self.app.ledger().await.len();
        let answer = request.send().await.expect("an answer");
        Observed {
            outcome: answer.status().as_u16().to_string(),
            answer: Value::Null,
            events: self.app.ledger().await.split_off(before),
            about: None,
        }
    }

    /// Sends it until it is refused for being too frequent.
    pub(super) async fn until_limited(&self, request: impl Fn() -> RequestBuilder) -> Observed {
        for _ in 0..10 {
            let observed = self.ask(request()).await;
            if observed.outcome.starts_with("429") {
                return observed;
            }
        }
        panic!("ten times, and no limit");
    }
}

impl Observed {
    /// Whom the events have to be about; nobody known when this is not called.
    pub(super) const fn about(mut self, person: &Person) -> Self {
        self.about = Some(person.id);
        self
    }

    /// The same, by the account's id.
    pub(super) fn about_id(mut self, id: &str) -> Self {
        self.about = id.parse().ok();
        self
    }

    /// The status, and for a refusal the problem's code.
    pub(super) fn outcome(&self) -> &str {
        &self.outcome
    }

    /// The body of the answer when it is a problem, and its code.
    pub(super) fn problem(&self) -> Option<(String, Value)> {
        let code = self.answer.get("code")?.as_str()?;
        Some((code.to_owned(), self.answer.clone()))
    }

    /// A text in the answer.
    pub(super) fn text(&self, pointer: &str) -> String {
        let text = self.answer.pointer(pointer).and_then(Value::as_str);
        text.unwrap_or_else(|| panic!("no {pointer} in {}", self.answer))
            .to_owned()
    }

    /// The id in the answer.
    pub(super) fn answered_id(&self) -> String {
        self.answer["id"].as_str().expect("an id").to_owned()
    }

    /// About the account in the answer.
    pub(super) fn about_answered(mut self) -> Self {
        let id = self.answer.pointer("/user/id").and_then(Value::as_str);
        self.about = id.and_then(|id| id.parse().ok());
        self
    }

    /// About the user that is the answer.
    pub(super) fn about_answered_user(mut self) -> Self {
        let id = self.answer.get("id").and_then(Value::as_str);
        self.about = id.and_then(|id| id.parse().ok());
        self
    }

    /// Where it is not what was promised.
    pub(super) fn differences(&self, outcome: &str, events: &[(&str, Value)]) -> impl Iterator<Item = String> {
        let mut found = Vec::new();
        if self.outcome != outcome {
            found.push(format!("ended in {}", self.outcome));
        }
        let recorded: Vec<&str> = self.events.iter().map(|row| row.subject.as_str()).collect();
        let promised: Vec<String> = events.iter().map(|(name, _)| format!("auth.user.{name}")).collect();
        if recorded != promised {
            found.push(format!("recorded {recorded:?} and not {promised:?}"));
        }
        for (row, (_, wanted)) in self.events.iter().zip(events) {
            let payload: Value = serde_json::from_slice(&row.payload).expect("JSON");
            let data = &payload["data"];
            for (field, value) in wanted.as_object().expect("fields") {
                if data.get(field) != Some(value) {
                    found.push(format!(
                        "{}: {field} is {:?} and not {value}",
                        row.subject,
                        data.get(field)
                    ));
                }
            }
            let about = self.about.map(|id| json!(id));
            if row.user_id != self.about || data.get("userId") != about.as_ref() {
                found.push(format!("{} is about {:?} and not {about:?}", row.subject, row.user_id));
            }
        }
        found.into_iter()
    }
}
