//! Transactions, one type for each step of the lock order: guards, then the user's row, then
//! sessions, then the ledger.
//!
//! ```text
//! begin() ──► Tx ── lock_user(id) ──► UserTx ── commit()   changes a user and records it
//!              └─── lock_any(id) ───► AnyTx ─── commit()   records about a user who may not exist
//! begin_system() ───────────────────► SystemTx             changes what belongs to the service
//! ```
//!
//! A [`Tx`] cannot change, record or commit anything, and only a transaction with a user's lock can
//! change the user's rows. Code that breaks the order does not compile.

mod any;
mod core;
mod system;
mod user;

use secrecy::SecretString;
use time::OffsetDateTime;

pub use self::any::AnyTx;
use self::any::UserLock;
pub(in crate::store) use self::core::Core;
pub use self::system::SystemTx;
pub use self::user::UserTx;
use super::entities::user as user_entity;
use super::{Credentials, Store, StoreError, sql};
use crate::domain::ids::{SessionId, UserId};
use crate::domain::request_metadata::RequestMetadata;

/// A transaction without a user's lock: it takes guards, claims an idempotency key and locks.
/// Dropping it rolls back.
pub struct Tx<'a> {
    pub(super) core: Core<'a>,
}

impl Store {
    /// Begin a transaction that happens at `now` because of `request`.
    ///
    /// Never cancel it in flight: on `SQLite` a dropped `begin` can leave a pooled connection
    /// inside a transaction (`docs/adr/0002`, `docs/adr/0018`).
    pub async fn begin<'a>(&self, now: OffsetDateTime, request: &'a RequestMetadata) -> Result<Tx<'a>, StoreError> {
        let core = Core::begin(self.clone(), now, request).await?;
        Ok(Tx { core })
    }

    /// Begin a transaction about no user: signing keys, erasure, rate limits.
    pub async fn begin_system<'a>(
        &self,
        now: OffsetDateTime,
        request: &'a RequestMetadata,
    ) -> Result<SystemTx<'a>, StoreError> {
        let core = Core::begin(self.clone(), now, request).await?;
        Ok(SystemTx::new(core))
    }
}

impl<'a> Tx<'a> {
    /// The moment at which this transaction happens, in whole milliseconds.
    #[must_use]
    pub const fn now(&self) -> OffsetDateTime {
        self.core.now()
    }

    /// Lock a user's row and reserve the next user sequence; `None` when there is no such user.
    pub async fn lock_user(self, id: UserId) -> Result<Option<UserTx<'a>>, StoreError> {
        let locked = self.lock_credentials(id).await?;
        Ok(locked.map(|(tx, _)| tx))
    }

    /// As [`lock_user`](Self::lock_user), with the hash of the user's password.
    pub async fn lock_credentials(self, id: UserId) -> Result<Option<(UserTx<'a>, SecretString)>, StoreError> {
        self.lock_where("id = $1", id.as_uuid().into()).await
    }

    /// Find and lock the user of a session in one round trip; `None` when there is no such session.
    pub async fn lock_user_of(self, session: SessionId) -> Result<Option<UserTx<'a>>, StoreError> {
        let by_session = "id = (SELECT user_id FROM sessions WHERE id = $1)";
        let locked = self.lock_where(by_session, session.as_uuid().into()).await?;
        Ok(locked.map(|(tx, _)| tx))
    }

    /// Lock a user who may not exist, at the same cost in both cases.
    pub async fn lock_any(mut self, id: Option<UserId>) -> Result<(AnyTx<'a>, Option<Credentials>), StoreError> {
        let id = id.unwrap_or(UserId::NIL);
        let Some(row) = self.lock_row("id = $1", id.as_uuid().into()).await? else {
            return Ok((AnyTx::new(self.core, None), None));
        };
        let lock = UserLock::reserved(id, row.event_seq);
        Ok((AnyTx::new(self.core, Some(lock)), Some(Credentials::from_row(row)?)))
    }

    /// Lock nobody, and record events without a user.
    #[must_use]
    pub fn without_user(self) -> AnyTx<'a> {
        AnyTx::new(self.core, None)
    }

    async fn lock_where(
        mut self,
        condition: &str,
        value: sea_orm::Value,
    ) -> Result<Option<(UserTx<'a>, SecretString)>, StoreError> {
        let Some(row) = self.lock_row(condition, value).await? else {
            return Ok(None);
        };
        let lock = UserLock::reserved(row.id.into(), row.event_seq);
        let Credentials { user, password_hash } = Credentials::from_row(row)?;
        Ok(Some((UserTx::new(self.core, lock, user), password_hash)))
    }

    async fn lock_row(
        &mut self,
        condition: &str,
        value: sea_orm::Value,
    ) -> Result<Option<user_entity::Model>, StoreError> {
        let lock = format!(
            "UPDATE users SET event_seq = event_seq + 1 WHERE {condition} RETURNING {}",
            user_entity::COLUMNS
        );
        let row = sql::fetch_one(&self.core.db, lock, [value]).await?;
        row.map(|row| row.model()).transpose()
    }
}
