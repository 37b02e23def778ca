//! Effectively once: the note that an event is dealt with is committed together with the work itself.

use std::error::Error;
use std::sync::Arc;

use uuid::Uuid;

use super::delivery::{Delivery, Failure, Handled};
use super::error::SubscribeError;
use super::{Connected, Durable};
use crate::received::Received;

/// Remembers which events a durable has dealt with, in the same database as the work that they cause.
///
/// A program can die between the commit of its work and the acknowledgement of the event; the event then comes
/// again. Because note and work are one transaction, the second delivery finds the note and does nothing.
///
/// `PostgresInbox` (feature `postgres-inbox`) is one that is ready. Another database takes a table with the key
/// `(durable, event id)` and these two functions:
///
/// ```
/// use std::collections::HashSet;
/// use std::convert::Infallible;
/// use std::sync::Arc;
/// use tokio::sync::OwnedMutexGuard;
/// use uuid::Uuid;
/// use watchword_events::subscriber::Inbox;
///
/// /// A database of one table; whoever has begun a transaction has it alone.
/// #[derive(Default)]
/// struct Memory(Arc<tokio::sync::Mutex<HashSet<(String, Uuid)>>>);
///
/// struct Transaction {
///     notes: OwnedMutexGuard<HashSet<(String, Uuid)>>,
///     note: (String, Uuid),
/// }
///
/// impl Inbox for Memory {
///     type Transaction = Transaction;
///     type Error = Infallible;
///
///     async fn begin(&self, durable: &str, event: Uuid) -> Result<Option<Transaction>, Infallible> {
///         let note = (durable.to_owned(), event);
///         let notes = Arc::clone(&self.0).lock_owned().await;
///         Ok((!notes.contains(&note)).then_some(Transaction { notes, note }))
///     }
///
///     async fn commit(&self, mut transaction: Transaction) -> Result<(), Infallible> {
///         transaction.notes.insert(transaction.note);
///         Ok(())
///     }
/// }
///
/// # tokio::runtime::Builder::new_current_thread().build()?.block_on(async {
/// let (inbox, event) = (Memory::default(), Uuid::from_u128(1));
/// drop(inbox.begin("audit", event).await?); // rolled back: nothing remains
/// let transaction = inbox.begin("audit", event).await?.ok_or("noted already")?;
/// inbox.commit(transaction).await?;
/// assert!(inbox.begin("audit", event).await?.is_none());
/// assert!(inbox.begin("another", event).await?.is_some());
/// # Ok::<(), Box<dyn std::error::Error>>(()) })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub trait Inbox: Send + Sync + 'static {
    /// What the handler works in. Dropped without [`Inbox::commit`], it leaves nothing behind: neither work nor note.
    type Transaction: Send + 'static;
    /// What the database answers when it cannot. The event is tried again.
    type Error: Error + Send + Sync + 'static;

    /// Begins a transaction and notes in it that `durable` has dealt with `event`. `None` when a committed
    /// transaction has noted so before.
    ///
    /// When another transaction has noted it and is not over yet, this waits for its end. A unique key does that.
    ///
    /// # Errors
    /// When the database cannot be asked.
    fn begin(
        &self,
        durable: &str,
        event: Uuid,
    ) -> impl Future<Output = Result<Option<Self::Transaction>, Self::Error>> + Send;

    /// Commits the work and the note.
    ///
    /// # Errors
    /// When the commit failed, or its outcome is unknown: the event comes again, and finds the note or not.
    fn commit(&self, transaction: Self::Transaction) -> impl Future<Output = Result<(), Self::Error>> + Send;
}

impl Connected<Durable> {
    /// Like [`run`](Self::run), with every event applied once: `handler` gets a transaction in which the event is
    /// already noted as dealt with, does its work in it, and gives it back to be committed. An event that was
    /// noted before is acknowledged and not handed over. After an error nothing of the transaction remains.
    ///
    /// What the handler does outside the transaction, such as sending mail, can still happen twice.
    ///
    /// # Errors
    /// As [`run`](Self::run).
    pub async fn run_with_inbox<I, H, F>(self, inbox: I, handler: H) -> Result<(), SubscribeError>
    where
        I: Inbox,
        H: Fn(Received, Delivery, I::Transaction) -> F + Send + Sync + 'static,
        F: Future<Output = Result<I::Transaction, Failure>> + Send + 'static,
    {
        let durable: Arc<str> = self.subscriber.mode.name.as_str().into();
        let inbox = Arc::new(inbox);
        let handler = Arc::new(handler);
        let once = move |received: Received, delivery| {
            let (durable, inbox, handler) = (Arc::clone(&durable), Arc::clone(&inbox), Arc::clone(&handler));
            async move {
                let Some(transaction) = inbox.begin(&durable, received.id).await? else {
                    return Ok(Handled::Before);
                };
                let transaction = handler(received, delivery, transaction).await?;
                inbox.commit(transaction).await?;
                Ok(Handled::Now)
            }
        };
        self.run_each(once).await
    }
}
