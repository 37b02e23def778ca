//! Transactions that can record events, about a locked user or about no user.

use time::OffsetDateTime;
use watchword_events::{Actor, AuthEvent, UserRef};

use super::Core;
use crate::domain::ids::{EventId, UserId, UserSeq};
use crate::store::{StoreError, sql};

/// Records events about the user it has locked, or events without a user. Dropping it rolls back.
pub struct AnyTx<'a> {
    pub(in crate::store) core: Core<'a>,
    lock: Option<UserLock>,
}

/// A user whose row is locked until the transaction ends.
pub(super) struct UserLock {
    id: UserId,
    /// The user sequence of the next event, if the lock reserved one and it is not used yet.
    reserved: Option<UserSeq>,
}

impl UserLock {
    /// For a user whose row was locked by raising its counter to `seq`.
    pub(super) const fn reserved(id: UserId, seq: UserSeq) -> Self {
        Self { id, reserved: Some(seq) }
    }
}

impl<'a> AnyTx<'a> {
    pub(super) const fn new(core: Core<'a>, lock: Option<UserLock>) -> Self {
        Self { core, lock }
    }

    /// The moment this transaction happens at, in whole milliseconds.
    #[must_use]
    pub const fn now(&self) -> OffsetDateTime {
        self.core.now()
    }

    /// Move the transaction to `moment` if that is later.
    pub fn advance_to(&mut self, moment: OffsetDateTime) {
        self.core.advance_to(moment);
    }

    pub async fn record(&mut self, event: impl Into<AuthEvent>) -> Result<EventId, StoreError> {
        self.record_as(None, event).await
    }

    /// Record an event with an actor, and return its id.
    pub async fn record_as(
        &mut self,
        actor: Option<Actor>,
        event: impl Into<AuthEvent>,
    ) -> Result<EventId, StoreError> {
        let event = event.into();
        let user = if event.kind().definition().is_numbered() {
            self.next_user_ref().await?
        } else {
            self.unnumbered_user_ref().await?
        };
        self.core.insert_event(user, actor, event).await
    }

    /// Commit and wake the relay.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] when the connection is lost: whether the commit took effect is
    /// then unknown.
    pub async fn commit(self) -> Result<(), StoreError> {
        debug_assert!(
            self.lock.is_none_or(|lock| lock.reserved.is_none()),
            "a transaction that locks a user records an event about them, or does not commit"
        );
        self.core.commit().await
    }

    async fn next_user_ref(&mut self) -> Result<Option<UserRef>, StoreError> {
        let Some(lock) = &mut self.lock else { return Ok(None) };
        let seq = match lock.reserved.take() {
            Some(seq) => seq,
            None => next_seq(&self.core, lock.id).await?,
        };
        Ok(Some(UserRef { id: lock.id.as_uuid(), seq: Some(seq.get()) }))
    }

    /// The user without a number, which what applications record has not. The number that the lock
    /// reserved goes back, so that the user's numbers have no hole.
    async fn unnumbered_user_ref(&mut self) -> Result<Option<UserRef>, StoreError> {
        let Some(lock) = &mut self.lock else { return Ok(None) };
        if lock.reserved.take().is_some() {
            let lower = "UPDATE users SET event_seq = event_seq - 1 WHERE id = $1";
            sql::execute(&self.core.db, lower, [lock.id.as_uuid().into()]).await?;
        }
        Ok(Some(UserRef { id: lock.id.as_uuid(), seq: None }))
    }
}

async fn next_seq(core: &Core<'_>, id: UserId) -> Result<UserSeq, StoreError> {
    let raise = "UPDATE users SET event_seq = event_seq + 1 WHERE id = $1 RETURNING event_seq";
    let row = sql::fetch_one(&core.db, raise, [id.as_uuid().into()]).await?;
    let row = row.ok_or(StoreError::Corrupt { table: "users", column: "id" })?;
    row.get("event_seq")
}
