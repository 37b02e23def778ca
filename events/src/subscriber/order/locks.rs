//! One event of a user at a time within this program.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use uuid::Uuid;

type Lock = Arc<tokio::sync::Mutex<()>>;

/// A lock for each user whose event is being handled, and for no other.
#[derive(Default)]
pub(super) struct UserLocks(Mutex<HashMap<Uuid, Lock>>);

impl UserLocks {
    /// Runs `work` while no other work for this user runs. Works of a user run in the order in
    /// which they came.
    pub(super) async fn with<T>(&self, user: Uuid, work: impl Future<Output = T>) -> T {
        let holder = Holder { locks: self, user, lock: Some(self.lock_of(user)) };
        let Some(lock) = &holder.lock else { return work.await };
        let _locked = lock.lock().await;
        work.await
    }

    fn lock_of(&self, user: Uuid) -> Lock {
        let mut locks = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(locks.entry(user).or_default())
    }
}

/// Removes the lock with its last holder, also when a handler panics.
struct Holder<'a> {
    locks: &'a UserLocks,
    user: Uuid,
    lock: Option<Lock>,
}

impl Drop for Holder<'_> {
    fn drop(&mut self) {
        let mut locks = self.locks.0.lock().unwrap_or_else(PoisonError::into_inner);
        self.lock = None;
        if locks.get(&self.user).is_some_and(|lock| Arc::strong_count(lock) == 1) {
            locks.remove(&self.user);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn works_of_one_user_run_in_turn_and_leave_nothing() {
        let (locks, order) = (UserLocks::default(), Mutex::new(Vec::new()));
        let work = |number: u8| {
            let order = &order;
            async move {
                order.lock().unwrap().push(number);
                tokio::task::yield_now().await;
                order.lock().unwrap().push(number);
            }
        };
        let user = Uuid::from_u128(1);
        tokio::join!(locks.with(user, work(1)), locks.with(user, work(2)), locks.with(user, work(3)));
        assert_eq!(*order.lock().unwrap(), [1, 1, 2, 2, 3, 3]);
        assert!(locks.0.lock().unwrap().is_empty());
    }
}
