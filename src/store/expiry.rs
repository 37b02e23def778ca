//! Deleting rows that nobody needs any more, a few in one statement, so that none holds locks for long.

use time::OffsetDateTime;

use super::{Store, StoreError, convert};

/// Rows that time makes useless.
#[derive(Debug, Clone, Copy)]
pub enum Expirable {
    /// Mailed codes, once they are over.
    Codes,
    /// Keys of requests that may be repeated, once they have expired.
    IdempotencyKeys,
    /// Logins that wait for a second factor, once they are over.
    LoginChallenges,
    /// Mails, once they were sent or given up.
    Mails,
    /// Sessions, once their absolute end is past.
    Sessions,
}

impl Store {
    /// Deletes at most `most` rows that became useless before `before`, and tells how many.
    ///
    /// # Errors
    /// [`StoreError`] of the database.
    pub async fn prune(&self, rows: Expirable, before: OffsetDateTime, most: u64) -> Result<u64, StoreError> {
        let (table, id, since) = match rows {
            Expirable::Codes => ("one_time_codes", "hash", "expires_at"),
            Expirable::IdempotencyKeys => ("idempotency_keys", "key", "expires_at"),
            Expirable::LoginChallenges => ("login_challenges", "id", "expires_at"),
            Expirable::Mails => ("outgoing_mail", "id", "finished_at"),
            Expirable::Sessions => ("sessions", "id", "expires_at"),
        };
        let before = convert::millis(before);
        let sql = format!(
            "DELETE FROM {table} WHERE {id} IN (SELECT {id} FROM {table} WHERE {since} < {before} LIMIT {most})"
        );
        self.write(&sql).await
    }
}
