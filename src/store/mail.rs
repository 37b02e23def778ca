//! Outgoing mail: enqueued in the transaction of the change, claimed and delivered afterwards.

use std::time::Duration;

use sea_orm::Value;
use time::OffsetDateTime;
use uuid::Uuid;

use super::sql::Row;
use super::transaction::Core;
use super::{AnyTx, Store, StoreError, UserTx, convert, sql};
use crate::domain::email_message::EmailKind;
use crate::domain::ids::UserId;

pub struct NewMail {
    pub id: Uuid,
    pub kind: EmailKind,
    /// Without a recipient the mail is never sent.
    pub recipient: Option<UserId>,
    /// The encrypted message.
    pub sealed: Vec<u8>,
}

/// A mail that no other instance delivers before the claim expires.
pub struct ClaimedMail {
    pub id: Uuid,
    pub kind: EmailKind,
    /// The encrypted message.
    pub sealed: Vec<u8>,
    /// Counted from 1. A later claim raises it, which ends this one.
    pub attempt: i32,
    pub created_at: OffsetDateTime,
}

impl AnyTx<'_> {
    /// Enqueue a mail. Without a recipient it writes an empty row at the same cost, which is never
    /// sent.
    pub async fn enqueue_email(&mut self, mail: NewMail) -> Result<(), StoreError> {
        let insert = "INSERT INTO outgoing_mail \
                   (id, kind, user_id, sealed, state, attempts, due_at, problem, created_at, finished_at) \
                   VALUES ($1, $2, $3, $4, $5, 0, {due}, NULL, $6, $7)";
        let insert = insert.replace("{due}", self.core.shared_now().unwrap_or("$6"));
        let is_void = mail.recipient.is_none();
        let values: [Value; 7] = [
            mail.id.into(),
            mail.kind.as_str().into(),
            mail.recipient.map(UserId::as_uuid).into(),
            (!is_void).then_some(mail.sealed).into(),
            if is_void { "void" } else { "waiting" }.into(),
            self.core.millis().into(),
            is_void.then_some(self.core.millis()).into(),
        ];
        sql::execute(&self.core.db, insert, values).await?;
        Ok(())
    }
}

impl UserTx<'_> {
    /// Cancel the waiting mails of the user, and delete the user's one-time codes.
    pub(super) async fn cancel_emails(&mut self) -> Result<(), StoreError> {
        self.core.cancel_emails(self.user_id()).await
    }
}

impl Core<'_> {
    pub(super) async fn cancel_emails(&self, user: UserId) -> Result<(), StoreError> {
        let delete = "DELETE FROM one_time_codes WHERE user_id = $1";
        sql::execute(&self.db, delete, [user.as_uuid().into()]).await?;
        let cancel = "UPDATE outgoing_mail SET state = 'void', sealed = NULL, finished_at = $1 \
                   WHERE user_id = $2 AND state = 'waiting'";
        sql::execute(&self.db, cancel, [self.millis().into(), user.as_uuid().into()]).await?;
        Ok(())
    }
}

impl Store {
    /// Claim at most `limit` mails that are due. No other instance gets them for `ttl`; if this one
    /// dies, another one delivers them after that. The clock of the database decides, so that an
    /// instance whose clock is ahead takes no mail from the others.
    pub async fn claim_mails(
        &self,
        now: OffsetDateTime,
        ttl: Duration,
        limit: u32,
    ) -> Result<Vec<ClaimedMail>, StoreError> {
        // Skip the mails that another instance is claiming; SQLite has one writer.
        let skip = if self.is_sqlite() { "" } else { "FOR UPDATE SKIP LOCKED" };
        let mut values = vec![whole_millis(ttl).into()];
        let now = self.now_or(now, &mut values);
        let claim = format!(
            "UPDATE outgoing_mail SET due_at = {now} + $1, attempts = attempts + 1 WHERE id IN \
             (SELECT id FROM outgoing_mail WHERE state = 'waiting' AND due_at <= {now} \
             ORDER BY due_at LIMIT {limit} {skip}) \
             RETURNING id, kind, sealed, attempts, created_at"
        );
        let rows = {
            let _writer = self.writer().await?;
            sql::fetch_all(self.db(), claim, values).await?
        };
        // A newer version may enqueue kinds of mail that this version does not know: an instance of
        // it delivers them later.
        let readable =
            |row| claimed(row).inspect_err(|error| tracing::warn!(%error, "a mail is left to other instances"));
        Ok(rows.iter().filter_map(|row| readable(row).ok()).collect())
    }

    /// Mark a mail as accepted by the mail server, and delete the message.
    pub async fn mark_mail_sent(&self, id: Uuid, now: OffsetDateTime) -> Result<(), StoreError> {
        let sent = "UPDATE outgoing_mail SET state = 'sent', sealed = NULL, problem = NULL, finished_at = $1 \
                   WHERE id = $2 AND state <> 'sent'";
        self.write(sent, [convert::millis(now).into(), id.into()]).await?;
        Ok(())
    }

    /// Schedule the next attempt after a failure, in `interval` from `now` on. Nothing changes when
    /// another instance has claimed the mail.
    pub async fn mark_mail_failed(
        &self,
        mail: &ClaimedMail,
        now: OffsetDateTime,
        interval: Duration,
        problem: &'static str,
    ) -> Result<(), StoreError> {
        let mut values = vec![
            whole_millis(interval).into(),
            problem.into(),
            mail.id.into(),
            mail.attempt.into(),
        ];
        let failed = format!(
            "UPDATE outgoing_mail SET due_at = {} + $1, problem = $2 \
             WHERE id = $3 AND attempts = $4 AND state = 'waiting'",
            self.now_or(now, &mut values)
        );
        self.write(failed, values).await?;
        Ok(())
    }

    /// Abandon a mail, and delete the message.
    pub async fn mark_mail_dead(
        &self,
        mail: &ClaimedMail,
        now: OffsetDateTime,
        problem: &'static str,
    ) -> Result<(), StoreError> {
        let dead = "UPDATE outgoing_mail SET state = 'dead', sealed = NULL, problem = $1, finished_at = $2 \
                   WHERE id = $3 AND attempts = $4 AND state = 'waiting'";
        let values = [
            problem.into(),
            convert::millis(now).into(),
            mail.id.into(),
            mail.attempt.into(),
        ];
        self.write(dead, values).await?;
        Ok(())
    }

    /// The time that all instances share, else `now` as another one of the `values`.
    fn now_or(&self, now: OffsetDateTime, values: &mut Vec<Value>) -> String {
        if let Some(now) = self.shared_now() {
            return now.to_owned();
        }
        values.push(convert::millis(now).into());
        format!("${}", values.len())
    }

    pub async fn count_waiting_mails(&self) -> Result<i64, StoreError> {
        let count = "SELECT count(*) AS waiting FROM outgoing_mail WHERE state = 'waiting'";
        let row = sql::fetch_one(self.db(), count, []).await?;
        row.map_or(Ok(0), |row| row.get("waiting"))
    }
}

fn whole_millis(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}

fn claimed(row: &Row) -> Result<ClaimedMail, StoreError> {
    let corrupt = |column| StoreError::Corrupt { table: "outgoing_mail", column };
    let kind: String = row.get("kind")?;
    Ok(ClaimedMail {
        id: row.get("id")?,
        kind: kind.parse().map_err(|_| corrupt("kind"))?,
        sealed: row.get::<Option<Vec<u8>>>("sealed")?.ok_or_else(|| corrupt("sealed"))?,
        attempt: row.get("attempts")?,
        created_at: convert::time(row.get("created_at")?),
    })
}
