//! The accounts against the ledger and the history: the rows of users and sessions are what the
//! events say, and the API answers what clients were told.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{Connection, PgConnection, Row, SqliteConnection};
use uuid::Uuid;

use crate::history::History;
use crate::support::database::Database;
use crate::support::http::Http;
use crate::workload::user::User;

use super::ledger::Event;

const USERS: &str = "SELECT id, email, status, roles, name, second_factor, event_seq FROM users";
const SESSIONS: &str = "SELECT id, revoked_at FROM sessions";

/// What a user's row must be.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Account {
    email: String,
    status: String,
    roles: BTreeSet<String>,
    name: Option<String>,
    has_factor: bool,
    event_seq: i64,
}

/// What the events say.
#[derive(Debug, Default)]
struct Folded {
    accounts: BTreeMap<Uuid, Account>,
    /// Whether each session has ended.
    sessions: BTreeMap<Uuid, bool>,
    /// The user of each session.
    owners: BTreeMap<Uuid, Uuid>,
}

fn fold(events: &[Event]) -> Folded {
    let mut folded = Folded::default();
    for event in events {
        let text = |field: &str| event.data.get(field).and_then(Value::as_str).map(str::to_owned);
        let id = |value: &Value| value.as_str().and_then(|text| text.parse::<Uuid>().ok());
        if matches!(event.name.as_str(), "registered" | "logged_in")
            && let Some(session) = event.data.get("sessionId").and_then(id)
        {
            folded.sessions.insert(session, false);
            folded.owners.extend(event.user.map(|user| (session, user)));
        }
        let ended = event.data.get("endedSessionIds").and_then(Value::as_array);
        for session in ended.into_iter().flatten().filter_map(id) {
            folded.sessions.insert(session, true);
        }
        let Some(user) = event.user else { continue };
        let account = folded.accounts.entry(user).or_default();
        if let Some(user_seq) = event.user_seq {
            account.event_seq = user_seq;
        }
        if let Some(roles) = event.data.get("roles").and_then(Value::as_array) {
            account.roles = roles.iter().filter_map(Value::as_str).map(str::to_owned).collect();
        }
        match event.name.as_str() {
            "registered" => {
                account.email = text("email").unwrap_or_default();
                account.name = text("name");
                account.status = text("status").unwrap_or_default();
            }
            "disabled" | "enabled" => account.status = text("status").unwrap_or_default(),
            "deleted" => {
                account.status = text("status").unwrap_or_default();
                account.has_factor = false;
            }
            "updated" if event.data.get("name").is_some() => account.name = text("name"),
            "mfa_enrolled" => account.has_factor = true,
            "mfa_removed" => account.has_factor = false,
            "email_changed" => account.email = text("email").unwrap_or_default(),
            _ => {}
        }
    }
    folded
}

/// The rows of both drivers have these columns, but no common trait.
macro_rules! folded_rows {
    ($connection:expr) => {{
        let mut folded = Folded::default();
        for row in sqlx::query(USERS).fetch_all(&mut $connection).await? {
            let roles: String = row.try_get("roles")?;
            let account = Account {
                email: row.try_get("email")?,
                status: row.try_get("status")?,
                roles: roles.split(' ').map(str::to_owned).collect(),
                name: row.try_get("name")?,
                has_factor: row.try_get("second_factor")?,
                event_seq: row.try_get("event_seq")?,
            };
            folded.accounts.insert(row.try_get("id")?, account);
        }
        for row in sqlx::query(SESSIONS).fetch_all(&mut $connection).await? {
            let revoked: Option<i64> = row.try_get("revoked_at")?;
            folded.sessions.insert(row.try_get("id")?, revoked.is_some());
        }
        Ok(folded)
    }};
}

async fn rows(database: &Database) -> Result<Folded, sqlx::Error> {
    match database {
        Database::Sqlite(file) => {
            let options = SqliteConnectOptions::new().filename(file);
            folded_rows!(SqliteConnection::connect_with(&options).await?)
        }
        Database::Postgres { url, .. } => folded_rows!(PgConnection::connect(url).await?),
    }
}

/// Checks that the rows are what the events say: every durable change has its event, and every
/// event its change.
pub(super) async fn check_rows(events: &[Event], database: &Database, history: &History) {
    let rows = match rows(database).await {
        Ok(rows) => rows,
        Err(error) => return history.violated(format!("the accounts were not read: {error}"), &[]),
    };
    let folded = fold(events);
    // What a failover has lost comes back only in part.
    let losses = history.losses();
    for (id, is) in rows.accounts.iter().filter(|(id, _)| !losses.has_user(id)) {
        let should = folded.accounts.get(id).cloned().unwrap_or_default();
        // The campaign itself makes the administrator.
        if *is != should && !is.roles.contains("admin") {
            history.violated(format!("user {id} is {is:?}; the events say {should:?}"), &[&is.email]);
        }
    }
    for id in folded
        .accounts
        .keys()
        .filter(|id| !rows.accounts.contains_key(id) && !losses.has_user(id))
    {
        history.violated(format!("user {id} has events and no row"), &[]);
    }
    let is_excused = |session: &Uuid| folded.owners.get(session).is_some_and(|user| losses.has_user(user));
    for (id, should) in folded.sessions.iter().filter(|(id, _)| !is_excused(id)) {
        let is = rows.sessions.get(id);
        if is != Some(should) {
            history.violated(format!("session {id}: ended is {is:?}; the events say {should}"), &[]);
        }
    }
    for id in rows.sessions.keys().filter(|id| !folded.sessions.contains_key(id)) {
        history.violated(format!("session {id} has no event"), &[]);
    }
}

/// Checks by the API that what was answered is still true. All servers run, so each answer is
/// final.
pub(super) async fn check_users(users: &[User], http: &Http, history: &History) {
    for user in users.iter().filter(|user| !user.is_clouded && user.era == history.era()) {
        let body = json!({"identifier": user.identifier, "password": user.password});
        let request = http.request(reqwest::Method::POST, "/auth/login").json(&body);
        let Ok(answer) = http.try_send(request).await else {
            history.violated("no answer at the end".to_owned(), &[&user.email]);
            continue;
        };
        let expected = match (user.is_active(), &user.factor) {
            (false, _) => 401,
            (true, None) => 200,
            // The second factor is asked for.
            (true, Some(_)) => 403,
        };
        if answer.status != expected {
            let what = format!("{} logs in at the end: {} instead of {expected}", user.email, answer.status);
            history.violated(what, &[&user.email]);
        } else if expected == 200 {
            let name = answer.json.pointer("/user/name").and_then(Value::as_str);
            if name != user.name.as_deref() {
                history.violated(
                    format!("{} has the name {name:?} instead of {:?}", user.email, user.name),
                    &[&user.email],
                );
            }
        }
        check_sessions(user, http, history).await;
    }
}

/// Checks that live sessions are accepted, and ended ones refused.
async fn check_sessions(user: &User, http: &Http, history: &History) {
    let sessions = user
        .live
        .iter()
        .map(|session| (session, 200))
        .chain(user.ended.iter().map(|session| (session, 401)));
    for (session, expected) in sessions {
        let request = http.request(reqwest::Method::GET, "/auth/me").bearer_auth(&session.tokens.access);
        match http.try_send(request).await {
            Ok(answer) if answer.status == expected => {}
            Ok(answer) => {
                let what = format!("session {} at the end: {} instead of {expected}", session.id, answer.status);
                history.violated(what, &[&user.email]);
            }
            Err(error) => history.violated(format!("no answer at the end: {error}"), &[&user.email]),
        }
    }
}
