//! A copy of the accounts and of the open sessions, built from events alone. It knows no event by
//! its name but those of the two rules that the contract makes exceptions of.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

/// The fields of an account that events carry under their names in the HTTP API.
const FIELDS: [&str; 8] = [
    "email",
    "emailVerified",
    "username",
    "name",
    "accountType",
    "profile",
    "roles",
    "status",
];

/// The events that change an account, and so its `updatedAt`.
const CHANGES: [&str; 12] = [
    "registered",
    "updated",
    "email_changed",
    "email_verified",
    "username_changed",
    "password_changed",
    "password_reset_completed",
    "role_granted",
    "role_revoked",
    "disabled",
    "enabled",
    "deleted",
];

/// What a service knows of all accounts and sessions.
#[derive(Clone, Default)]
pub(super) struct LocalCopy {
    accounts: BTreeMap<String, Map<String, Value>>,
    sessions: BTreeMap<String, Session>,
    /// The number of the last applied event of each account.
    seqs: BTreeMap<String, i64>,
    /// Whether it began with a list of users, which has no sessions.
    began_with_users: bool,
}

#[derive(Clone)]
struct Session {
    user: String,
    fields: Map<String, Value>,
    idle_expires_at: OffsetDateTime,
}

impl LocalCopy {
    /// Begin with an account of a page of users.
    pub(super) fn begin_with(&mut self, user: &Value) {
        self.began_with_users = true;
        let mut account = user.as_object().expect("a user").clone();
        let seq = account.remove("userSeq").and_then(|seq| seq.as_i64()).expect("userSeq");
        let id = text(&user["id"]);
        assert!(self.seqs.insert(id.clone(), seq).is_none(), "{id} is on two pages");
        self.accounts.insert(id, account);
    }

    /// Apply an event, unless the copy of its account is newer.
    pub(super) fn apply(&mut self, event: &Value) {
        let (data, subject) = (&event["data"], text(&event["subject"]));
        let (Some(user), Some(seq)) = (data["userId"].as_str(), data["userSeq"].as_i64()) else {
            return;
        };
        let last = self.seqs.get(user).copied().unwrap_or_default();
        // An account that no page had and that does not begin here was deleted before the pages.
        let is_gone = self.began_with_users && last == 0 && seq > 1;
        if seq <= last || is_gone {
            return;
        }
        assert_eq!(seq, last + 1, "an event about {user} is missing before {event}");
        self.seqs.insert(user.to_owned(), seq);
        if !self.began_with_users {
            self.apply_to_sessions(user, data);
        }
        if let Some(name) = subject.strip_prefix("auth.user.") {
            self.apply_to_account(user, name, data);
        }
    }

    fn apply_to_sessions(&mut self, user: &str, data: &Value) {
        let (session, at) = (data["sessionId"].as_str(), &data["timestamp"]);
        if let (Some(id), Some(idle)) = (session, data.get("idleExpiresAt")) {
            let opened = data.get("expiresAt").map(|expires| Session {
                user: user.to_owned(),
                fields: opened(data, expires),
                idle_expires_at: time(idle),
            });
            if let Some(opened) = opened {
                self.sessions.insert(id.to_owned(), opened);
            }
            let session = self.sessions.get_mut(id).expect("a session that was opened");
            session.fields.insert("lastUsedAt".to_owned(), at.clone());
            session.idle_expires_at = time(idle);
        }
        for ended in data["endedSessionIds"].as_array().into_iter().flatten() {
            let ended = self.sessions.remove(ended.as_str().expect("an id"));
            assert!(ended.is_some_and(|ended| ended.user == user), "a session ends once: {data}");
        }
    }

    fn apply_to_account(&mut self, user: &str, name: &str, data: &Value) {
        let account = self.accounts.entry(user.to_owned()).or_default();
        if name == "registered" {
            account.extend([
                ("id".to_owned(), json!(user)),
                ("createdAt".to_owned(), data["timestamp"].clone()),
                ("profile".to_owned(), json!({})),
            ]);
        }
        let removed = match name {
            "username_changed" => vec!["username"],
            "updated" => data["changedFields"].as_array().into_iter().flatten().filter_map(Value::as_str).collect(),
            _ => Vec::new(),
        };
        for field in removed {
            account.remove(field);
        }
        for field in FIELDS {
            if let Some(value) = data.get(field) {
                account.insert(field.to_owned(), value.clone());
            }
        }
        if CHANGES.contains(&name) {
            account.insert("updatedAt".to_owned(), data["timestamp"].clone());
        }
    }

    /// An account, with times that can be compared.
    pub(super) fn account(&self, user: &str) -> Value {
        self.accounts.get(user).map_or(Value::Null, |account| comparable(account.clone().into()))
    }

    /// The ids of the accounts with a status other than `deleted`.
    pub(super) fn live_accounts(&self) -> Vec<&str> {
        let live = self.accounts.iter().filter(|(_, account)| account["status"] != "deleted");
        live.map(|(id, _)| id.as_str()).collect()
    }

    /// The open sessions of a user at this time, by id.
    pub(super) fn sessions(&self, user: &str, now: OffsetDateTime) -> BTreeMap<String, Value> {
        let open = |session: &Session| session.user == user && now < session.idle_expires_at;
        let sessions = self.sessions.iter().filter(|(_, session)| open(session));
        sessions
            .map(|(id, session)| (id.clone(), comparable(session.fields.clone().into())))
            .collect()
    }
}

/// The fields of a new session, as in `GET /auth/sessions`.
fn opened(data: &Value, expires: &Value) -> Map<String, Value> {
    let mut fields = Map::from_iter([
        ("id".to_owned(), data["sessionId"].clone()),
        ("createdAt".to_owned(), data["timestamp"].clone()),
        ("expiresAt".to_owned(), expires.clone()),
    ]);
    for field in ["ip", "userAgent"] {
        fields.extend(data.get(field).map(|value| (field.to_owned(), value.clone())));
    }
    fields
}

/// Write times in one way.
pub(super) fn comparable(mut value: Value) -> Value {
    for field in ["createdAt", "updatedAt", "lastUsedAt", "expiresAt"] {
        if let Some(at) = value.get_mut(field) {
            *at = json!(time(at).unix_timestamp_nanos() / 1_000_000);
        }
    }
    value
}

fn time(value: &Value) -> OffsetDateTime {
    OffsetDateTime::parse(value.as_str().expect("a time"), &Rfc3339).expect("a time")
}

fn text(value: &Value) -> String {
    value.as_str().expect("a text").to_owned()
}
