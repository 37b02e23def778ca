//! Keeps an administrator: the lock that comes first in the lock order, and the check for another
//! administrator.

use crate::store::transaction::{Tx, UserTx};
use crate::store::{StoreError, sql};

/// Held by transactions that may take away an administrator; no other lock has this number.
const ADMIN_LOCK: i64 = 0x7761_6463_6861_6472;

impl Tx<'_> {
    /// Wait until no other transaction can take away an administrator. It comes before any user's
    /// lock.
    pub async fn guard_admins(&mut self) -> Result<(), StoreError> {
        // SQLite has one writer, which is this transaction.
        if !self.core.is_sqlite() {
            let lock = "SELECT pg_advisory_xact_lock($1)";
            sql::execute(&self.core.db, lock, [ADMIN_LOCK.into()]).await?;
        }
        Ok(())
    }
}

impl UserTx<'_> {
    /// Whether another administrator may log in. In a transaction that holds the
    /// [guard](Tx::guard_admins) the answer stays true until the end.
    pub async fn another_admin_exists(&mut self) -> Result<bool, StoreError> {
        let is_admin = if self.core.is_sqlite() {
            "instr(' ' || roles || ' ', ' admin ') > 0"
        } else {
            "string_to_array(roles, ' ') @> ARRAY['admin']"
        };
        let another = format!("SELECT 1 AS one FROM users WHERE {is_admin} AND status = 'active' AND id <> $1 LIMIT 1");
        let found = sql::fetch_one(&self.core.db, another, [self.user_id().as_uuid().into()]).await?;
        Ok(found.is_some())
    }
}
