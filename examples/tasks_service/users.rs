//! The copy of the users, which follows the events.

use serde_json::Value;
use sqlx::SqlitePool;
use uuid::Uuid;
use watchword_events::subscriber::UserSequences;
use watchword_events::{AuthEvent, ChangedField, HandlerError, ReceivedEvent};

// The condition is for two programs that get the same event.
const APPLY: &str = "
    INSERT INTO users (id, seq, name, status) VALUES (?1, ?2, ?3, ?4)
    ON CONFLICT (id) DO UPDATE SET seq = ?2, name = CASE WHEN ?5 THEN ?3 ELSE name END, status = COALESCE(?4, status)
    WHERE ?2 > seq";

/// The copy: the table `users`.
#[derive(Clone)]
pub(super) struct Users(pub(super) SqlitePool);

impl UserSequences for Users {
    type Error = sqlx::Error;

    async fn last_seq(&self, user: Uuid) -> sqlx::Result<Option<i64>> {
        let seq = sqlx::query_scalar("SELECT seq FROM users WHERE id = ?").bind(user.to_string());
        seq.fetch_optional(&self.0).await
    }
}

impl Users {
    /// Applies an event to the copy: one that changes nothing else counts the number on.
    pub(super) async fn apply(self, received: ReceivedEvent) -> Result<(), HandlerError> {
        // By field: an event that this version does not know may change the status too.
        let status = received.data().get("status").and_then(Value::as_str);
        let (renames, name) = match &received.event {
            _ if status == Some("deleted") => (true, None),
            Some(AuthEvent::Registered(account)) => (true, account.name.as_deref()),
            Some(AuthEvent::Updated(change)) => {
                (change.changed_fields.contains(&ChangedField::Name), change.name.as_deref())
            }
            _ => (false, None),
        };
        let Some((id, seq)) = received.user.and_then(|user| Some((user.id, user.seq?))) else {
            return Ok(());
        };
        let id = id.to_string();
        let mut transaction = self.0.begin_with("BEGIN IMMEDIATE").await?;
        let change = sqlx::query(APPLY).bind(&id).bind(seq).bind(name).bind(status).bind(renames);
        change.execute(&mut *transaction).await?;
        if status == Some("deleted") {
            let unassign = sqlx::query("UPDATE tasks SET assignee = NULL WHERE assignee = ?").bind(&id);
            unassign.execute(&mut *transaction).await?;
        }
        transaction.commit().await?;
        Ok(())
    }
}
