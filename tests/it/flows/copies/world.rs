//! Random actions of users and an administrator, with the copy that follows their events.

use std::collections::BTreeMap;
use std::time::Duration;

use reqwest::Method;
use serde_json::{Value, json};
use watchword::config::PiiMode;
use watchword::domain::clock::{Clock as _, signed_duration};
use watchword::domain::session::SessionPolicy;

use super::local_copy::{LocalCopy, comparable};
use crate::support::app::{PASSWORD, TestApp};
use crate::support::clock::TestClock;
use crate::support::database::Backend;
use crate::support::http::{Answer, Tokens};
use crate::support::smtp::SmtpServer;

/// Accounts that are not deleted, at most.
const MAX_PEOPLE: usize = 5;
const MINUTE: Duration = Duration::from_secs(60);

/// A generator of numbers that a seed repeats (splitmix64).
pub(super) struct Dice(pub(super) u64);

impl Dice {
    /// A number below `end`.
    pub(super) fn below(&mut self, end: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        let mixed = (mixed ^ (mixed >> 31)) >> 1;
        usize::try_from(mixed).expect("64 bits") % end
    }

    pub(super) fn one_of<'a, T>(&mut self, from: &'a [T]) -> &'a T {
        &from[self.below(from.len())]
    }
}

/// A user, as their clients know them.
struct Person {
    id: String,
    email: String,
    password: String,
    /// Every pair of tokens so far; most are used or of ended sessions.
    tokens: Vec<Tokens>,
    resets: usize,
}

pub(super) struct World {
    pub(super) app: TestApp,
    pub(super) clock: TestClock,
    pub(super) copy: LocalCopy,
    pub(super) dice: Dice,
    smtp: SmtpServer,
    root: Tokens,
    people: Vec<Person>,
    names: usize,
    applied: i64,
}

impl World {
    pub(super) async fn new(backend: Backend, seed: u64, pii: PiiMode) -> Self {
        let (smtp, clock) = (SmtpServer::start().await, TestClock::frozen());
        let builder = TestApp::builder(backend).settings(smtp.settings()).clock(clock.clone());
        let app = builder
            .settings(move |settings| {
                settings.sessions.idle_ttl = 90 * MINUTE;
                settings.sessions.absolute_ttl = 240 * MINUTE;
                settings.sessions.max_per_user = 3;
                settings.events.pii = pii;
            })
            .spawn()
            .await;
        let root = app.admin().await;
        Self {
            app,
            clock,
            copy: LocalCopy::default(),
            dice: Dice(seed),
            smtp,
            root,
            people: Vec::new(),
            names: 0,
            applied: 0,
        }
    }

    /// Let someone do something, which may be refused.
    pub(super) async fn act(&mut self) {
        if self.people.len() < 2 {
            return self.register().await;
        }
        let person = self.dice.below(self.people.len());
        match self.dice.below(12) {
            0 if self.people.len() < MAX_PEOPLE => self.register().await,
            0 | 1 => self.pass_time(),
            2 | 3 => self.log_in(person).await,
            4 | 5 => self.refresh(person).await,
            6 => self.end_sessions(person).await,
            7 => self.change(person).await,
            8 => self.use_mail(person).await,
            9 => self.change_password_or_delete(person).await,
            _ => self.administer(person).await,
        }
    }

    fn pass_time(&mut self) {
        let minutes = *self.dice.one_of(&[1, 3, 10, 40, 100]);
        self.clock.advance(minutes * MINUTE);
    }

    fn new_name(&mut self, prefix: &str) -> String {
        self.names += 1;
        format!("{prefix}{}", self.names)
    }

    /// As the owner, or as the administrator.
    async fn register(&mut self) {
        let email = format!("{}@example.com", self.new_name("Person"));
        let mut body = json!({ "email": email, "password": PASSWORD });
        if self.dice.below(2) == 0 {
            body["username"] = json!(self.new_name("user"));
            body["name"] = json!("Ada Lovelace");
            body["profile"] = json!({ "country": "UK" });
        }
        let by_owner = self.dice.below(3) > 0;
        let (id, tokens) = if by_owner {
            let request = self.app.request(Method::POST, "/auth/register").header("user-agent", "copies/1.0");
            let answer = self.app.send(request.json(&body)).await.expect_status(201);
            (answer.str("/user/id").to_owned(), vec![answer.tokens()])
        } else {
            body["roles"] = json!(["user", "artist"]);
            let answer = self.as_root(Method::POST, "/users", &body).await.expect_status(201);
            (answer.str("/id").to_owned(), Vec::new())
        };
        let password = PASSWORD.to_owned();
        self.people.push(Person { id, email, password, tokens, resets: 0 });
    }

    async fn log_in(&mut self, person: usize) {
        let person = &mut self.people[person];
        let wrong = self.dice.below(4) == 0;
        let password = if wrong { "not the password" } else { &person.password };
        let answer = self.app.login(&person.email, password).await;
        if answer.status == 200 {
            person.tokens.push(answer.tokens());
        }
    }

    /// A token of one of the user's sessions: mostly a recent one.
    fn token_of(&mut self, person: usize) -> Option<Tokens> {
        let tokens = &self.people[person].tokens;
        let recent = tokens.len().saturating_sub(*self.dice.one_of(&[1, 1, 1, 2, 3, 5]));
        tokens.get(recent).cloned()
    }

    /// With a used token too, which ends its session.
    async fn refresh(&mut self, person: usize) {
        let Some(tokens) = self.token_of(person) else { return };
        let answer = self.app.refresh(&tokens.refresh).await;
        if answer.status == 200 {
            self.people[person].tokens.push(answer.tokens());
        }
    }

    async fn end_sessions(&mut self, person: usize) {
        let Some(tokens) = self.token_of(person) else { return };
        match self.dice.below(6) {
            0 => drop(crate::support::oauth::revoke(&self.app, &tokens.refresh).await),
            1 => {
                let path = format!("/auth/sessions/{}", tokens.session());
                let current = self.token_of(person).unwrap_or(tokens);
                self.app.send_as(&current.access, Method::DELETE, &path, &Value::Null).await;
            }
            2 => drop(self.app.send_as(&tokens.access, Method::DELETE, "/auth/sessions", &Value::Null).await),
            way => drop(self.app.logout(&tokens.access, ["local", "others", "global"][way - 3]).await),
        }
    }

    async fn change(&mut self, person: usize) {
        let Some(tokens) = self.token_of(person) else { return };
        let body = self.new_fields();
        self.app.send_as(&tokens.access, Method::PATCH, "/auth/me", &body).await;
        let event = json!({ "name": "seen", "attributes": { "email": "not the address" } });
        self.app.send_as(&tokens.access, Method::POST, "/events", &event).await;
    }

    /// A change of some fields; a few are removed.
    fn new_fields(&mut self) -> Value {
        let mut body = json!({});
        match self.dice.below(5) {
            0 => body["name"] = json!(self.new_name("Name ")),
            1 => body["name"] = Value::Null,
            2 => body["username"] = json!(self.new_name("renamed")),
            3 => body["username"] = Value::Null,
            _ => body["profile"] = json!({ "country": self.new_name("Country "), "lastName": null }),
        }
        if self.dice.below(4) == 0 {
            body["profile"] = Value::Null;
        }
        body
    }

    /// Verify the address, or reset the password.
    async fn use_mail(&mut self, person: usize) {
        let person = &mut self.people[person];
        if self.dice.below(2) == 0 {
            let subject = "Confirm your email address";
            if let Some(mail) = self
                .smtp
                .mails()
                .into_iter()
                .rfind(|mail| mail.header("X-Rcpt") == person.email && mail.header("Subject") == subject)
            {
                self.app.post("/auth/email/verify", &json!({ "code": mail.code() })).await;
            }
            return;
        }
        self.app
            .post("/auth/password/forgot", &json!({ "email": person.email }))
            .await
            .expect_status(202);
        let disabled = self.copy.account(&person.id)["status"] != "active";
        if disabled {
            return;
        }
        person.resets += 1;
        let code = self.smtp.mail(&person.email, "Reset your password", person.resets).await.code();
        let password = format!("{} {}", PASSWORD, person.resets);
        let body = json!({ "code": code, "newPassword": password });
        self.app.post("/auth/password/reset", &body).await.expect_status(204);
        person.password = password;
    }

    async fn change_password_or_delete(&mut self, person: usize) {
        let Some(tokens) = self.token_of(person) else { return };
        let (wrong, delete) = (self.dice.below(3) == 0, self.dice.below(3) == 0);
        let new = self.new_name("quiet harbour ");
        let current = if wrong {
            "not the password".to_owned()
        } else {
            self.people[person].password.clone()
        };
        if delete {
            let body = json!({ "password": current });
            if self.app.send_as(&tokens.access, Method::POST, "/auth/me/delete", &body).await.status == 204 {
                self.people.remove(person);
            }
        } else {
            let body = json!({ "currentPassword": current, "newPassword": new });
            let answer = self.app.send_as(&tokens.access, Method::POST, "/auth/password/change", &body).await;
            if answer.status == 204 {
                self.people[person].password = new;
            }
        }
    }

    async fn administer(&mut self, person: usize) {
        let path = format!("/users/{}", self.people[person].id);
        let none = Value::Null;
        match self.dice.below(9) {
            0 => drop(self.as_root(Method::PUT, &(path + "/roles/artist"), &none).await.expect_status(200)),
            1 => drop(self.as_root(Method::DELETE, &(path + "/roles/artist"), &none).await.expect_status(200)),
            2 => drop(self.as_root(Method::POST, &(path + "/disable"), &none).await.expect_status(200)),
            3 | 4 => drop(self.as_root(Method::POST, &(path + "/enable"), &none).await.expect_status(200)),
            5 => drop(self.as_root(Method::DELETE, &(path + "/sessions"), &none).await.expect_status(204)),
            6 => drop(self.as_root(Method::POST, &(path + "/unlock"), &none).await.expect_status(204)),
            7 if self.dice.below(3) == 0 => {
                self.as_root(Method::DELETE, &path, &none).await.expect_status(204);
                self.people.remove(person);
            }
            _ => {
                let mut body = self.new_fields();
                body["email"] = json!(format!("{}@example.com", self.new_name("moved")));
                body["accountType"] = json!(*self.dice.one_of(&["user", "artist"]));
                if self.as_root(Method::PATCH, &path, &body).await.status == 200 {
                    let person = &mut self.people[person];
                    person.email = body["email"].as_str().expect("an address").to_owned();
                    person.resets = 0;
                }
            }
        }
    }

    /// A request of the administrator.
    pub(super) async fn as_root(&mut self, method: Method, path: &str, body: &Value) -> Answer {
        let expires = self.root.claims()["exp"].as_i64().expect("exp");
        if expires <= self.clock.now().unix_timestamp() {
            let login = self.app.login("root@example.com", PASSWORD).await;
            self.root = login.expect_status(200).tokens();
        }
        let request = self.app.request(method, path).bearer_auth(&self.root.access);
        let request = if body.is_null() { request } else { request.json(body) };
        self.app.send(request).await
    }

    /// Apply the events that were recorded since the last call.
    pub(super) async fn follow(&mut self) {
        for row in self.app.ledger().await {
            if row.seq > self.applied {
                self.applied = row.seq;
                self.copy.apply(&serde_json::from_slice(&row.payload).expect("JSON"));
            }
        }
    }

    /// All users as the service lists them, but the administrator, whose role no event granted.
    pub(super) async fn listed(&mut self) -> BTreeMap<String, Value> {
        let mut users = BTreeMap::new();
        for path in ["/users?limit=100", "/users?limit=100&status=deleted"] {
            let answer = self.as_root(Method::GET, path, &Value::Null).await.expect_status(200);
            assert!(answer.json.get("next").is_none(), "one page has all users");
            for user in answer.json["users"].as_array().expect("users") {
                let mut user = user.clone();
                user.as_object_mut().expect("a user").remove("userSeq");
                if user["email"] != "root@example.com" {
                    users.insert(user["id"].as_str().expect("an id").to_owned(), comparable(user));
                }
            }
        }
        users
    }

    /// Assert that the copy has the open sessions of these users, and no others.
    pub(super) async fn assert_sessions(&self, users: impl Iterator<Item = &String>, step: usize) {
        let settings = &self.app.settings().sessions;
        let policy = SessionPolicy {
            absolute_ttl: signed_duration(settings.absolute_ttl),
            idle_ttl: signed_duration(settings.idle_ttl),
            refresh_grace: signed_duration(std::time::Duration::ZERO),
            max_per_user: settings.max_per_user,
        };
        let now = self.clock.now();
        for user in users {
            let id = user.parse().expect("an id");
            let live = self.app.store().live_sessions(id, now, &policy, 10_000).await.expect("sessions");
            let mut live: Vec<String> = live.iter().map(|session| session.id.to_string()).collect();
            live.sort();
            let copied: Vec<String> = self.copy.sessions(user, now).into_keys().collect();
            assert_eq!(copied, live, "step {step}: the sessions of {user} in the copy, and in the database");
        }
        for person in &self.people {
            let Some(tokens) = person.tokens.last() else { continue };
            let answer = self.app.get_as(&tokens.access, "/auth/sessions").await;
            let Some(listed) = answer.json["sessions"].as_array() else {
                continue;
            };
            let listed: BTreeMap<String, Value> = listed.iter().map(session).collect();
            assert_eq!(
                self.copy.sessions(&person.id, now),
                listed,
                "step {step}: what `GET /auth/sessions` lists"
            );
        }
    }
}

/// A listed session, without what only the request knows.
fn session(listed: &Value) -> (String, Value) {
    let mut listed = listed.clone();
    listed.as_object_mut().expect("a session").remove("current");
    (listed["id"].as_str().expect("an id").to_owned(), comparable(listed))
}
