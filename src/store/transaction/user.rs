//! Transactions that hold the lock of a user's row. Only they change what belongs to the user.

use std::ops::{Deref, DerefMut};

use super::any::{AnyTx, UserLock};
use super::{Core, Tx};
use crate::domain::ids::UserId;
use crate::domain::user::User;
use crate::store::StoreError;

/// Changes one user and records events about them. Dropping it rolls back.
pub struct UserTx<'a> {
    any: AnyTx<'a>,
    user: User,
}

impl<'a> UserTx<'a> {
    pub(super) const fn new(core: Core<'a>, lock: UserLock, user: User) -> Self {
        Self { any: AnyTx::new(core, Some(lock)), user }
    }

    /// For a user whose row `tx` has just inserted, with `event_seq` 1.
    pub(in crate::store) fn of_new(tx: Tx<'a>, user: User) -> Self {
        Self::new(tx.core, UserLock::reserved(user.id, 1.into()), user)
    }

    /// The user, as this transaction has changed them.
    #[must_use]
    pub const fn user(&self) -> &User {
        &self.user
    }

    pub(in crate::store) const fn user_id(&self) -> UserId {
        self.user.id
    }

    pub(in crate::store) fn set_user(&mut self, user: User) {
        self.user = user;
    }

    /// Commit, wake the relay, and return the user as they are now.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] when the connection is lost: whether the commit took effect is
    /// then unknown.
    pub async fn commit(self) -> Result<User, StoreError> {
        self.any.commit().await?;
        Ok(self.user)
    }

    /// End without a change, and return the user as they are.
    #[must_use]
    pub fn unchanged(self) -> User {
        self.user
    }
}

impl<'a> Deref for UserTx<'a> {
    type Target = AnyTx<'a>;

    fn deref(&self) -> &AnyTx<'a> {
        &self.any
    }
}

impl DerefMut for UserTx<'_> {
    fn deref_mut(&mut self) -> &mut Self::Target {
        &mut self.any
    }
}
