//! The numbers of the last applied events, in a store of the program's own.

use std::error::Error;

use uuid::Uuid;

/// Knows the `userSeq` of the last event that was applied for each user.
///
/// The handler writes the number, in the transaction that does its work. It does so for **every**
/// event with a number, also one that changes nothing else: the next event would wait for it.
///
/// ```
/// use std::collections::HashMap;
/// use std::convert::Infallible;
/// use std::sync::{Arc, Mutex, PoisonError};
/// use uuid::Uuid;
/// use watchword_events::subscriber::UserSequences;
///
/// /// A copy of the users in memory.
/// #[derive(Clone, Default)]
/// struct Users(Arc<Mutex<HashMap<Uuid, (i64, String)>>>);
///
/// impl UserSequences for Users {
///     type Error = Infallible;
///
///     async fn last_seq(&self, user: Uuid) -> Result<Option<i64>, Infallible> {
///         let users = self.0.lock().unwrap_or_else(PoisonError::into_inner);
///         Ok(users.get(&user).map(|(seq, _name)| *seq))
///     }
/// }
/// # let _: Users = Users::default();
/// ```
pub trait UserSequences: Send + Sync + 'static {
    /// The error of the store. The event is retried after it.
    type Error: Error + Send + Sync + 'static;

    /// Returns the `userSeq` of the last applied event of this user, or `None` if none was applied.
    ///
    /// # Errors
    /// When the store cannot be read.
    fn last_seq(&self, user: Uuid) -> impl Future<Output = Result<Option<i64>, Self::Error>> + Send;
}
