//! A transaction: what an action changes, with the events that say so.

use sea_orm::{ConnectionTrait as _, DbBackend, EntityTrait as _, FromQueryResult as _, Statement, Value};
use time::OffsetDateTime;
use tokio::sync::OwnedMutexGuard;
use uuid::Uuid;
use watchword_events::{Actor, AuthEvent, Event, Metadata, UserRef};

use super::database::Transaction;
use super::entities::{event, user};
use super::{Store, StoreError, convert};
use crate::domain::clock::to_millis;
use crate::domain::ids::{EventId, UserId};
use crate::domain::request_metadata::RequestMetadata;
use crate::domain::user::User;

/// A transaction. Dropping it without [`commit`](Self::commit) undoes everything.
pub struct Tx<'a> {
    pub(super) db: Transaction,
    store: Store,
    now: OffsetDateTime,
    origin: &'a RequestMetadata,
    recorded: Vec<&'static str>,
    last_event: Option<Uuid>,
    _writer: Option<OwnedMutexGuard<()>>,
}

/// The right to record events about a user: its row is locked until the transaction ends.
#[derive(Debug)]
pub struct UserLock {
    id: UserId,
    /// The number that the first event gets; taking the lock reserved it.
    reserved: Option<i64>,
}

impl UserLock {
    /// Of a user whose row this transaction has just made, with `event_seq` 1.
    pub(super) const fn of_new(id: UserId) -> Self {
        Self::reserved(id, 1)
    }

    /// Of a user whose row was locked by raising its counter to `seq`.
    pub(super) const fn reserved(id: UserId, seq: i64) -> Self {
        Self {
            id,
            reserved: Some(seq),
        }
    }
}

impl<'a> Tx<'a> {
    pub(super) async fn begin(
        store: Store,
        now: OffsetDateTime,
        origin: &'a RequestMetadata,
    ) -> Result<Self, StoreError> {
        let writer = store.writer().await?;
        let db = store.db().begin().await?;
        Ok(Self {
            db,
            store,
            now: to_millis(now),
            origin,
            recorded: Vec::new(),
            last_event: None,
            _writer: writer,
        })
    }

    /// The moment this transaction happens at, in whole milliseconds as the rows have it.
    #[must_use]
    pub const fn now(&self) -> OffsetDateTime {
        self.now
    }

    /// Happens at `moment` if that is later.
    pub fn advance_to(&mut self, moment: OffsetDateTime) {
        self.now = self.now.max(to_millis(moment));
    }

    /// The request behind it.
    pub(super) const fn origin(&self) -> &RequestMetadata {
        self.origin
    }

    pub(super) fn millis(&self) -> i64 {
        convert::millis(self.now)
    }

    pub(super) fn statement(&self, sql: &str, values: impl IntoIterator<Item = Value>) -> Statement {
        Statement::from_sql_and_values(self.db.get_database_backend(), sql, values)
    }

    /// Locks a user's row and reserves the number of the next event about it.
    /// A transaction that locks a user has to record an event about it, or not commit.
    ///
    /// # Errors
    /// [`StoreError`] of the database; `None` when there is no such user.
    pub async fn lock_user(&mut self, id: UserId) -> Result<Option<(User, UserLock)>, StoreError> {
        let sql = format!(
            "UPDATE users SET event_seq = event_seq + 1 WHERE id = $1 RETURNING {}",
            user::COLUMNS
        );
        let statement = self.statement(&sql, [id.as_uuid().into()]);
        let Some(row) = user::Model::find_by_statement(statement).one(&self.db).await? else {
            return Ok(None);
        };
        let lock = UserLock::reserved(id, row.event_seq);
        Ok(Some((convert::user(row)?, lock)))
    }

    /// Records an event about a user.
    ///
    /// # Errors
    /// [`StoreError`] of the database.
    pub async fn record(&mut self, lock: &mut UserLock, event: AuthEvent) -> Result<(), StoreError> {
        self.record_by(None, lock, event).await.map(|_| ())
    }

    /// Records an event about a user that says who acted, and tells its id.
    ///
    /// # Errors
    /// [`StoreError`] of the database.
    pub async fn record_by(
        &mut self,
        actor: Option<Actor>,
        lock: &mut UserLock,
        event: AuthEvent,
    ) -> Result<EventId, StoreError> {
        let seq = match lock.reserved.take() {
            Some(seq) => seq,
            None => self.next_seq(lock.id).await?,
        };
        let user = UserRef {
            id: lock.id.as_uuid(),
            seq,
        };
        self.insert(Some(user), actor, event).await
    }

    /// Records an event that is about no known user.
    ///
    /// # Errors
    /// [`StoreError`] of the database.
    pub async fn record_anonymous(&mut self, event: AuthEvent) -> Result<(), StoreError> {
        self.insert(None, None, event).await.map(|_| ())
    }

    /// Records an event about a user when there is one, else about nobody.
    ///
    /// # Errors
    /// [`StoreError`] of the database.
    pub async fn record_about(&mut self, lock: Option<UserLock>, event: AuthEvent) -> Result<(), StoreError> {
        match lock {
            Some(mut lock) => self.record(&mut lock, event).await,
            None => self.record_anonymous(event).await,
        }
    }

    /// Makes everything durable and wakes the relay.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] when the connection is lost: whether it took effect is then unknown.
    pub async fn commit(self) -> Result<(), StoreError> {
        crate::telemetry::crash_point::reach("before_commit");
        self.db.commit().await?;
        crate::telemetry::crash_point::reach("after_commit");
        if !self.recorded.is_empty() {
            self.store.0.recorded.notify_one();
            self.store.0.commits.send_modify(|count| *count += 1);
        }
        if let Some(metrics) = self.store.0.metrics.get() {
            self.recorded.iter().for_each(|subject| metrics.event_recorded(subject));
        }
        Ok(())
    }

    async fn next_seq(&self, id: UserId) -> Result<i64, StoreError> {
        let sql = "UPDATE users SET event_seq = event_seq + 1 WHERE id = $1 RETURNING event_seq";
        let row = self
            .db
            .query_one_raw(self.statement(sql, [id.as_uuid().into()]))
            .await?;
        let row = row.ok_or(StoreError::Corrupt {
            table: "users",
            column: "id",
        })?;
        Ok(row.try_get("", "event_seq")?)
    }

    async fn insert(
        &mut self,
        user: Option<UserRef>,
        actor: Option<Actor>,
        event: AuthEvent,
    ) -> Result<EventId, StoreError> {
        let id = self.next_event_id();
        let profile = &self.store.0.profile;
        let (subject, version, session_id) = (event.subject(), event.version(), event.session_id());
        let row = Event {
            id,
            timestamp: self.now,
            user,
            actor,
            event: event.with_pii(profile.pii),
            metadata: Metadata {
                service: profile.service.clone(),
                version: env!("CARGO_PKG_VERSION").to_owned(),
                environment: profile.environment.clone(),
                request_id: (!self.origin.request_id.is_empty()).then(|| self.origin.request_id.clone()),
                traceparent: self.origin.traceparent.clone(),
                dataschema: Some(format!("{}/schemas/{subject}/{version}.json", profile.schema_base_url)),
            },
        };
        let row = event::ActiveModel {
            seq: sea_orm::NotSet,
            id: sea_orm::Set(id),
            subject: sea_orm::Set(subject.to_owned()),
            user_id: sea_orm::Set(row.user.as_ref().map(|user| user.id)),
            user_seq: sea_orm::Set(row.user.as_ref().map(|user| user.seq)),
            schema_version: sea_orm::Set(i32::try_from(version).unwrap_or(i32::MAX)),
            payload: sea_orm::Set(row.to_json()?),
            traceparent: sea_orm::Set(self.origin.traceparent.clone()),
            occurred_at: sea_orm::Set(self.millis()),
            session_id: sea_orm::Set(session_id),
            ..event::ActiveModel::default()
        };
        event::Entity::insert(row).exec_without_returning(&self.db).await?;
        self.recorded.push(subject);
        Ok(id.into())
    }

    /// Ids are of this transaction's moment and in the order of its events: lists of events are in the order of ids.
    fn next_event_id(&mut self) -> Uuid {
        let id = match self.last_event {
            None => EventId::new_v7(self.now, &*self.store.0.random).as_uuid(),
            Some(last) => Uuid::from_u128(last.as_u128() + 1),
        };
        self.last_event = Some(id);
        id
    }

    pub(super) fn backend(&self) -> DbBackend {
        self.db.get_database_backend()
    }
}
