//! The common part of all transactions: the database's transaction, its moment and its recorded
//! events.

use sea_orm::EntityTrait as _;
use time::OffsetDateTime;
use tokio::sync::OwnedMutexGuard;
use uuid::Uuid;
use watchword_events::{Actor, AuthEvent, Event, Metadata, UserRef, schema, split_subject};

use crate::domain::clock::to_millis;
use crate::domain::ids::EventId;
use crate::domain::request_metadata::RequestMetadata;
use crate::store::database::Transaction;
use crate::store::entities::event;
use crate::store::{Store, StoreError, convert};

/// Dropping it without [`commit`](Self::commit) rolls back.
pub(in crate::store) struct Core<'a> {
    pub(in crate::store) db: Transaction,
    pub(in crate::store) request: &'a RequestMetadata,
    store: Store,
    now: OffsetDateTime,
    recorded: Vec<&'static str>,
    last_event: Option<Uuid>,
    _writer: Option<OwnedMutexGuard<()>>,
}

impl<'a> Core<'a> {
    pub(super) async fn begin(
        store: Store,
        now: OffsetDateTime,
        request: &'a RequestMetadata,
    ) -> Result<Self, StoreError> {
        let writer = store.writer().await?;
        let db = store.db().begin().await?;
        Ok(Self {
            db,
            request,
            store,
            now: to_millis(now),
            recorded: Vec::new(),
            last_event: None,
            _writer: writer,
        })
    }

    /// The moment at which this transaction happens, in whole milliseconds like all stored times.
    pub(in crate::store) const fn now(&self) -> OffsetDateTime {
        self.now
    }

    pub(in crate::store) fn millis(&self) -> i64 {
        convert::millis(self.now)
    }

    pub(in crate::store) fn advance_to(&mut self, moment: OffsetDateTime) {
        self.now = self.now.max(to_millis(moment));
    }

    /// The time that all instances share, as [`Store::shared_now`].
    pub(in crate::store) fn shared_now(&self) -> Option<&'static str> {
        self.store.shared_now()
    }

    pub(in crate::store) fn is_sqlite(&self) -> bool {
        self.store.is_sqlite()
    }

    pub(super) async fn insert_event(
        &mut self,
        user: Option<UserRef>,
        actor: Option<Actor>,
        event: AuthEvent,
    ) -> Result<EventId, StoreError> {
        let id = self.next_event_id();
        let profile = &self.store.0.profile;
        let (kind, session_id) = (event.kind(), event.session_id());
        let (subject, version) = (kind.subject(), kind.version());
        let custom_name = split_subject(&event.subject()).1.map(str::to_owned);
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
                request_id: (!self.request.request_id.is_empty()).then(|| self.request.request_id.clone()),
                traceparent: self.request.traceparent.clone(),
                dataschema: Some(schema::url(&profile.schema_base_url, subject, version)),
            },
        };
        let row = event::ActiveModel {
            seq: sea_orm::NotSet,
            id: sea_orm::Set(id),
            subject: sea_orm::Set(subject.to_owned()),
            user_id: sea_orm::Set(row.user.as_ref().map(|user| user.id)),
            user_seq: sea_orm::Set(row.user.as_ref().and_then(|user| user.seq).map(Into::into)),
            schema_version: sea_orm::Set(i32::try_from(version).unwrap_or(i32::MAX)),
            payload: sea_orm::Set(row.to_json()?),
            traceparent: sea_orm::Set(self.request.traceparent.clone()),
            occurred_at: sea_orm::Set(self.millis()),
            session_id: sea_orm::Set(session_id),
            custom_name: sea_orm::Set(custom_name),
        };
        event::Entity::insert(row).exec_without_returning(&self.db).await?;
        self.recorded.push(subject);
        Ok(id.into())
    }

    /// Commit and wake the relay.
    pub(super) async fn commit(self) -> Result<(), StoreError> {
        crate::telemetry::crash_point::reach("before_commit");
        if crate::telemetry::SeededBug::CommitBeforeDurable.is_active() {
            tokio::spawn(self.db.commit());
        } else {
            self.db.commit().await?;
        }
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

    /// Ids have this transaction's moment and are in the order of its events, since lists of events
    /// are in the order of ids.
    fn next_event_id(&mut self) -> Uuid {
        let id = match self.last_event {
            None => EventId::new_v7(self.now, &*self.store.0.random).as_uuid(),
            Some(last) => Uuid::from_u128(last.as_u128() + 1),
        };
        self.last_event = Some(id);
        id
    }
}
