//! Transactions about no user: signing keys, rate limits, erasure.

use std::ops::{Deref, DerefMut};

use super::{AnyTx, Core};
use crate::store::{StoreError, sql};

/// Changes what belongs to the service, and records events without a user. Dropping it rolls back.
pub struct SystemTx<'a> {
    any: AnyTx<'a>,
}

impl<'a> SystemTx<'a> {
    pub(super) const fn new(core: Core<'a>) -> Self {
        Self { any: AnyTx::new(core, None) }
    }

    /// Keep other writers away from a table until the end; `SQLite` has one writer anyway.
    pub(in crate::store) async fn lock_table(&mut self, table: &'static str) -> Result<(), StoreError> {
        if !self.core.is_sqlite() {
            let lock = format!("LOCK TABLE {table} IN SHARE ROW EXCLUSIVE MODE");
            sql::execute_unprepared(&self.core.db, &lock).await?;
        }
        Ok(())
    }

    /// Commit and wake the relay.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] when the connection is lost: whether the commit took effect is
    /// then unknown.
    pub async fn commit(self) -> Result<(), StoreError> {
        self.any.commit().await
    }
}

impl<'a> Deref for SystemTx<'a> {
    type Target = AnyTx<'a>;

    fn deref(&self) -> &AnyTx<'a> {
        &self.any
    }
}

impl DerefMut for SystemTx<'_> {
    fn deref_mut(&mut self) -> &mut Self::Target {
        &mut self.any
    }
}
