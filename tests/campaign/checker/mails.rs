//! The mails: each that was written is sent or still there, and each event that promises one has
//! one.

use std::collections::{BTreeMap, BTreeSet};

use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{Connection, PgConnection, Row, SqliteConnection};
use uuid::Uuid;

use crate::history::History;
use crate::support::database::Database;
use crate::support::smtp::Mail;

use super::ledger::Event;

const MAILS: &str = "SELECT id, user_id, state, problem FROM outgoing_mail";
/// The events with a mail to the user.
const WITH_MAIL: [&str; 2] = ["password_reset_requested", "email_verification_requested"];

/// A written mail.
struct Written {
    id: Uuid,
    user: Option<Uuid>,
    state: String,
    problem: Option<String>,
}

/// The rows of both drivers have these columns, but no common trait.
macro_rules! written_rows {
    ($connection:expr) => {
        sqlx::query(MAILS)
            .fetch_all(&mut $connection)
            .await?
            .iter()
            .map(|row| {
                Ok(Written {
                    id: row.try_get("id")?,
                    user: row.try_get("user_id")?,
                    state: row.try_get("state")?,
                    problem: row.try_get("problem")?,
                })
            })
            .collect()
    };
}

async fn written(database: &Database) -> Result<Vec<Written>, sqlx::Error> {
    match database {
        Database::Sqlite(file) => {
            let options = SqliteConnectOptions::new().filename(file);
            written_rows!(SqliteConnection::connect_with(&options).await?)
        }
        Database::Postgres { url, .. } => written_rows!(PgConnection::connect(url).await?),
    }
}

/// Checks the written mails against those that the mail server has, and the events against both.
pub(super) async fn check(events: &[Event], database: &Database, mails: &[Mail], history: &History) {
    let written = match written(database).await {
        Ok(written) => written,
        Err(error) => return history.violated(format!("the mails were not read: {error}"), &[]),
    };
    let received: BTreeSet<String> = mails.iter().map(|mail| mail.header("Message-ID")).collect();
    let mut of_user: BTreeMap<Uuid, usize> = BTreeMap::new();
    for Written { id, user, state, problem } in &written {
        if let Some(user) = user {
            *of_user.entry(*user).or_default() += 1;
        }
        let is_received = || received.iter().any(|message_id| message_id.contains(&id.to_string()));
        match state.as_str() {
            "waiting" | "void" => {}
            "sent" if is_received() => {}
            "sent" => history.violated(format!("mail {id} is sent, and was not received"), &[]),
            other => history.violated(format!("mail {id} is {other}: {problem:?}"), &[]),
        }
    }
    let mut promised: BTreeMap<Uuid, usize> = BTreeMap::new();
    for event in events.iter().filter(|event| WITH_MAIL.contains(&event.name.as_str())) {
        if let Some(user) = event.user {
            *promised.entry(user).or_default() += 1;
        }
    }
    let losses = history.losses();
    for (user, promised) in promised.into_iter().filter(|(user, _)| !losses.has_user(user)) {
        let count = of_user.get(&user).copied().unwrap_or_default();
        if count < promised {
            history.violated(format!("user {user} has {count} mails for {promised} events"), &[]);
        }
    }
}
