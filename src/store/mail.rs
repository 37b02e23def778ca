//! Outgoing mail: written in the transaction of what it tells of, claimed and sent afterwards.

use sea_orm::{ConnectionTrait as _, DbBackend, QueryResult, Statement, Value};
use time::OffsetDateTime;
use uuid::Uuid;

use super::{Store, StoreError, Tx, convert};
use crate::domain::email_message::EmailKind;
use crate::domain::ids::UserId;

/// A mail to send.
pub struct NewMail {
    /// Its id.
    pub id: Uuid,
    /// What it is about.
    pub kind: EmailKind,
    /// Whom it is to; none for a mail to nobody, which is never sent.
    pub recipient: Option<UserId>,
    /// What it says, sealed.
    pub sealed: Vec<u8>,
}

/// A mail that this process is to send, before anybody else may try.
pub struct ClaimedMail {
    /// Its id.
    pub id: Uuid,
    /// What it is about.
    pub kind: EmailKind,
    /// What it says, sealed.
    pub sealed: Vec<u8>,
    /// Which try this is, counted from 1; the claim is good as long as nobody raises it.
    pub attempt: i32,
    /// When it was written.
    pub created_at: OffsetDateTime,
}

impl Tx<'_> {
    /// Writes a mail. To nobody it writes a row too, which says nothing and is never sent.
    ///
    /// # Errors
    /// [`StoreError`] of the database.
    pub async fn enqueue_email(&mut self, mail: NewMail) -> Result<(), StoreError> {
        let sql = "INSERT INTO outgoing_mail \
                   (id, kind, user_id, sealed, state, attempts, due_at, problem, created_at, finished_at) \
                   VALUES ($1, $2, $3, $4, $5, 0, $6, NULL, $6, $7)";
        let is_void = mail.recipient.is_none();
        let values: [Value; 7] = [
            mail.id.into(),
            mail.kind.as_str().into(),
            mail.recipient.map(UserId::as_uuid).into(),
            (!is_void).then_some(mail.sealed).into(),
            if is_void { "void" } else { "waiting" }.into(),
            self.millis().into(),
            is_void.then_some(self.millis()).into(),
        ];
        self.db.execute_raw(self.statement(sql, values)).await?;
        Ok(())
    }

    /// Forgets what waits to be mailed to a locked user, and the codes that were.
    ///
    /// # Errors
    /// [`StoreError`] of the database.
    pub(super) async fn cancel_emails(&mut self, user: UserId) -> Result<(), StoreError> {
        let codes = self.statement("DELETE FROM one_time_codes WHERE user_id = $1", [user.as_uuid().into()]);
        self.db.execute_raw(codes).await?;
        let sql = "UPDATE outgoing_mail SET state = 'void', sealed = NULL, finished_at = $1 \
                   WHERE user_id = $2 AND state = 'waiting'";
        let values = [self.millis().into(), user.as_uuid().into()];
        self.db.execute_raw(self.statement(sql, values)).await?;
        Ok(())
    }
}

impl Store {
    /// Takes up to `most` mails that are due. Nobody else gets them before `until`, so a process that dies leaves them to others.
    ///
    /// # Errors
    /// [`StoreError`] of the database.
    pub async fn claim_mails(
        &self,
        now: OffsetDateTime,
        until: OffsetDateTime,
        most: u32,
    ) -> Result<Vec<ClaimedMail>, StoreError> {
        // What another instance is just taking is passed over; on SQLite there is one writer.
        let skip = match self.db().get_database_backend() {
            DbBackend::Postgres => "FOR UPDATE SKIP LOCKED",
            _ => "",
        };
        let sql = format!(
            "UPDATE outgoing_mail SET due_at = $1, attempts = attempts + 1 WHERE id IN \
             (SELECT id FROM outgoing_mail WHERE state = 'waiting' AND due_at <= $2 ORDER BY due_at LIMIT {most} {skip}) \
             RETURNING id, kind, sealed, attempts, created_at"
        );
        let values = [convert::millis(until).into(), convert::millis(now).into()];
        let rows = {
            let _writer = self.writer().await?;
            self.db().query_all_raw(self.mail_statement(&sql, values)).await?
        };
        // A newer version may write kinds of mail that this one does not know: theirs is the claim after this one.
        let readable = |row| claimed(row).inspect_err(|error| tracing::warn!(%error, "a mail is left to others"));
        Ok(rows.iter().filter_map(|row| readable(row).ok()).collect())
    }

    /// A mail was accepted by the mail server: what it said is forgotten.
    ///
    /// # Errors
    /// [`StoreError`] of the database.
    pub async fn mail_sent(&self, id: Uuid, now: OffsetDateTime) -> Result<(), StoreError> {
        let sql = "UPDATE outgoing_mail SET state = 'sent', sealed = NULL, problem = NULL, finished_at = $1 \
                   WHERE id = $2 AND state <> 'sent'";
        self.settle_mail(sql, [convert::millis(now).into(), id.into()]).await
    }

    /// A try failed; the next one is at `due_at`. Nothing happens when somebody else has taken the mail meanwhile.
    ///
    /// # Errors
    /// [`StoreError`] of the database.
    pub async fn mail_failed(
        &self,
        mail: &ClaimedMail,
        due_at: OffsetDateTime,
        problem: &'static str,
    ) -> Result<(), StoreError> {
        let sql = "UPDATE outgoing_mail SET due_at = $1, problem = $2 \
                   WHERE id = $3 AND attempts = $4 AND state = 'waiting'";
        let values = [
            convert::millis(due_at).into(),
            problem.into(),
            mail.id.into(),
            mail.attempt.into(),
        ];
        self.settle_mail(sql, values).await
    }

    /// A mail is given up: what it said is forgotten.
    ///
    /// # Errors
    /// [`StoreError`] of the database.
    pub async fn mail_dead(
        &self,
        mail: &ClaimedMail,
        now: OffsetDateTime,
        problem: &'static str,
    ) -> Result<(), StoreError> {
        let sql = "UPDATE outgoing_mail SET state = 'dead', sealed = NULL, problem = $1, finished_at = $2 \
                   WHERE id = $3 AND attempts = $4 AND state = 'waiting'";
        let values = [
            problem.into(),
            convert::millis(now).into(),
            mail.id.into(),
            mail.attempt.into(),
        ];
        self.settle_mail(sql, values).await
    }

    /// How many mails wait to be sent.
    ///
    /// # Errors
    /// [`StoreError`] of the database.
    pub async fn waiting_mails(&self) -> Result<i64, StoreError> {
        let sql = "SELECT count(*) AS waiting FROM outgoing_mail WHERE state = 'waiting'";
        let row = self.db().query_one_raw(self.mail_statement(sql, [])).await?;
        Ok(row.map_or(Ok(0), |row| row.try_get("", "waiting"))?)
    }

    async fn settle_mail(&self, sql: &str, values: impl IntoIterator<Item = Value>) -> Result<(), StoreError> {
        let _writer = self.writer().await?;
        self.db().execute_raw(self.mail_statement(sql, values)).await?;
        Ok(())
    }

    fn mail_statement(&self, sql: &str, values: impl IntoIterator<Item = Value>) -> Statement {
        Statement::from_sql_and_values(self.db().get_database_backend(), sql, values)
    }
}

fn claimed(row: &QueryResult) -> Result<ClaimedMail, StoreError> {
    let corrupt = |column| StoreError::Corrupt {
        table: "outgoing_mail",
        column,
    };
    let kind: String = row.try_get("", "kind")?;
    Ok(ClaimedMail {
        id: row.try_get("", "id")?,
        kind: kind.parse().map_err(|_| corrupt("kind"))?,
        sealed: row
            .try_get::<Option<Vec<u8>>>("", "sealed")?
            .ok_or_else(|| corrupt("sealed"))?,
        attempt: row.try_get("", "attempts")?,
        created_at: convert::time(row.try_get("", "created_at")?),
    })
}
