//! Deletes expired rows, a few in one statement, so that no statement holds locks for long.

use time::OffsetDateTime;

use super::{Store, StoreError, convert};

/// The rows that expire.
#[derive(Debug, Clone, Copy)]
pub enum Expirable {
    Codes,
    IdempotencyKeys,
    LoginChallenges,
    /// Mails that were sent or abandoned.
    Mails,
    /// Sessions past their absolute end.
    Sessions,
}

impl Store {
    /// Delete at most `limit` rows that expired before `before`, and return how many.
    pub async fn delete_expired(&self, rows: Expirable, before: OffsetDateTime, limit: u64) -> Result<u64, StoreError> {
        let (table, id, since) = match rows {
            Expirable::Codes => ("one_time_codes", "hash", "expires_at"),
            Expirable::IdempotencyKeys => ("idempotency_keys", "key", "expires_at"),
            Expirable::LoginChallenges => ("login_challenges", "id", "expires_at"),
            Expirable::Mails => ("outgoing_mail", "id", "finished_at"),
            Expirable::Sessions => ("sessions", "id", "expires_at"),
        };
        let before = convert::millis(before);
        let sql = format!(
            "DELETE FROM {table} WHERE {id} IN (SELECT {id} FROM {table} WHERE {since} < {before} LIMIT {limit})"
        );
        self.write_unprepared(&sql).await
    }
}
