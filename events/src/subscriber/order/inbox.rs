//! An inbox that also knows how far each user's events are applied.

use uuid::Uuid;

use crate::subscriber::inbox::Inbox;

/// An [`Inbox`] that keeps the `userSeq` of the last applied event for each durable and user.
///
/// `PostgresInbox` (feature `postgres-inbox`) implements it. For another database, add a table with
/// the key `(durable, user)` and implement these two functions.
pub trait OrderedInbox: Inbox {
    /// Returns the `userSeq` of the last event that `durable` applied for `user`, or `None` if it
    /// applied none.
    ///
    /// When another open transaction has read the number of the same user, this function must wait
    /// until that one ends. A locked row does so.
    ///
    /// # Errors
    /// When the database refuses a statement or cannot be reached.
    fn last_seq(
        &self,
        transaction: &mut Self::Transaction,
        durable: &str,
        user: Uuid,
    ) -> impl Future<Output = Result<Option<i64>, Self::Error>> + Send;

    /// Records in the transaction that `durable` applied the event `seq` of `user`.
    ///
    /// # Errors
    /// When the database refuses a statement or cannot be reached.
    fn set_last_seq(
        &self,
        transaction: &mut Self::Transaction,
        durable: &str,
        user: Uuid,
        seq: i64,
    ) -> impl Future<Output = Result<(), Self::Error>> + Send;
}
