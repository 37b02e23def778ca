//! Effectively once: the record that an event was applied is committed together with the work
//! itself.

#[cfg(feature = "postgres-inbox")]
mod postgres;

use std::error::Error;
use std::sync::Arc;

use uuid::Uuid;

use super::builder::Durable;
use super::connection::Connected;
use super::delivery::{DeliveryInfo, Handled, HandlerError};
use super::error::SubscribeError;
use crate::received::ReceivedEvent;

#[cfg(feature = "postgres-inbox")]
pub use postgres::PostgresInbox;

/// Records which events a durable has applied, in the database that also holds the handler's work.
///
/// A program can die after the commit of its work and before the acknowledgement of the event; the
/// event is then redelivered. Since record and work are one transaction, the second delivery finds
/// the record and changes nothing.
///
/// `PostgresInbox` (feature `postgres-inbox`) implements it for PostgreSQL. For another database,
/// create a table with the key `(durable, event id)` and implement these two functions:
///
/// ```
/// use std::collections::HashSet;
/// use std::convert::Infallible;
/// use std::sync::Arc;
/// use tokio::sync::OwnedMutexGuard;
/// use uuid::Uuid;
/// use watchword_events::subscriber::Inbox;
///
/// /// A database with one table. A transaction locks it.
/// #[derive(Default)]
/// struct Memory(Arc<tokio::sync::Mutex<HashSet<(String, Uuid)>>>);
///
/// struct Transaction {
///     records: OwnedMutexGuard<HashSet<(String, Uuid)>>,
///     record: (String, Uuid),
/// }
///
/// impl Inbox for Memory {
///     type Transaction = Transaction;
///     type Error = Infallible;
///
///     async fn begin(
///         &self,
///         durable: &str,
///         event: Uuid,
///     ) -> Result<Option<Transaction>, Infallible> {
///         let record = (durable.to_owned(), event);
///         let records = Arc::clone(&self.0).lock_owned().await;
///         Ok((!records.contains(&record)).then_some(Transaction { records, record }))
///     }
///
///     async fn commit(&self, mut transaction: Transaction) -> Result<(), Infallible> {
///         transaction.records.insert(transaction.record);
///         Ok(())
///     }
/// }
///
/// # tokio::runtime::Builder::new_current_thread().build()?.block_on(async {
/// let (inbox, event) = (Memory::default(), Uuid::from_u128(1));
/// drop(inbox.begin("audit", event).await?); // rolled back: nothing remains
/// let transaction = inbox.begin("audit", event).await?.ok_or("recorded before")?;
/// inbox.commit(transaction).await?;
/// assert!(inbox.begin("audit", event).await?.is_none());
/// assert!(inbox.begin("another", event).await?.is_some());
/// # Ok::<(), Box<dyn std::error::Error>>(()) })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub trait Inbox: Send + Sync + 'static {
    /// The transaction in which the handler works. Dropped without [`Inbox::commit`], it rolls back
    /// both the work and the record.
    type Transaction: Send + 'static;
    /// The error of the database. The event is retried after it.
    type Error: Error + Send + Sync + 'static;

    /// Begins a transaction and records in it that `durable` applied `event`. Returns `None` when a
    /// committed transaction has recorded it before.
    ///
    /// When an open transaction has recorded it, this function must wait until that one ends. A
    /// unique key in the database does so.
    ///
    /// # Errors
    /// When the database refuses a statement or cannot be reached.
    fn begin(
        &self,
        durable: &str,
        event: Uuid,
    ) -> impl Future<Output = Result<Option<Self::Transaction>, Self::Error>> + Send;

    /// Commits the work and the record.
    ///
    /// # Errors
    /// When the commit failed, or its outcome is unknown. The event is redelivered, and finds the
    /// record if the commit succeeded.
    fn commit(&self, transaction: Self::Transaction) -> impl Future<Output = Result<(), Self::Error>> + Send;
}

impl Connected<Durable> {
    /// Runs like [`run`](Self::run), and applies every event once. `handler` gets a transaction in
    /// which the event is recorded as applied, does its work in it, and returns it to be committed.
    /// An event that was recorded before is acknowledged without calling the handler. An error
    /// rolls the transaction back.
    ///
    /// What the handler does outside the transaction, such as sending mail, can still happen twice.
    ///
    /// # Errors
    /// As for [`run`](Self::run).
    pub async fn run_with_inbox<I, H, F>(self, inbox: I, handler: H) -> Result<(), SubscribeError>
    where
        I: Inbox,
        H: Fn(ReceivedEvent, DeliveryInfo, I::Transaction) -> F + Send + Sync + 'static,
        F: Future<Output = Result<I::Transaction, HandlerError>> + Send + 'static,
    {
        let durable: Arc<str> = self.subscriber.mode.name.as_str().into();
        let inbox = Arc::new(inbox);
        let handler = Arc::new(handler);
        let apply_once = move |received: ReceivedEvent, delivery| {
            let (durable, inbox, handler) = (Arc::clone(&durable), Arc::clone(&inbox), Arc::clone(&handler));
            async move {
                let Some(transaction) = inbox.begin(&durable, received.id).await? else {
                    return Ok(Handled::Duplicate);
                };
                let transaction = handler(received, delivery, transaction).await?;
                inbox.commit(transaction).await?;
                Ok(Handled::Applied)
            }
        };
        self.run_each(apply_once).await
    }
}
