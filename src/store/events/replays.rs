//! Replays and their progress.

use sea_orm::{ActiveModelTrait as _, ColumnTrait as _, EntityTrait as _, QueryFilter as _, QueryOrder as _, Set};
use time::OffsetDateTime;
use uuid::Uuid;
use watchword_events::EventKind;

use crate::domain::ids::StreamSeq;
use crate::domain::replay::{ReplayName, ReplayOrigin, ReplayState, ReplayTarget};
use crate::store::entities::replay;
use crate::store::{AnyTx, Ledger, Selection, SeqRange, StoreError, convert};

#[derive(Debug, Clone)]
pub struct NewReplay {
    pub id: Uuid,
    /// Unique.
    pub name: ReplayName,
    pub origin: ReplayOrigin,
    pub target: ReplayTarget,
    pub selection: Selection,
    /// At most this many events a second.
    pub rate: Option<u32>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Replay {
    pub id: Uuid,
    pub name: String,
    pub origin: ReplayOrigin,
    pub target: ReplayTarget,
    pub selection: Selection,
    /// At most this many events a second.
    pub rate: Option<u32>,
    pub state: ReplayState,
    /// The number of events; none until they are counted.
    pub total: Option<u64>,
    pub progress: ReplayProgress,
    /// Why it makes no progress at the moment.
    pub trouble: Option<String>,
    pub created_at: OffsetDateTime,
    /// When it last made progress.
    pub updated_at: OffsetDateTime,
    pub finished_at: Option<OffsetDateTime>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ReplayProgress {
    /// The rest of the ledger.
    pub rest: SeqRange,
    /// Copies up to this stream sequence of the target are counted.
    pub target_seq: StreamSeq,
    /// Published copies.
    pub sent: u64,
    /// Events that the target will never accept.
    pub refused: u64,
}

impl Replay {
    /// The expected end at the average rate so far.
    #[must_use]
    pub fn expected_end(&self) -> Option<OffsetDateTime> {
        if self.state != ReplayState::Running {
            return None;
        }
        let done = self.progress.sent + self.progress.refused;
        let left = self.total?.checked_sub(done)?;
        let took = (self.updated_at - self.created_at).as_seconds_f64();
        if done == 0 || took <= 0.0 {
            return None;
        }
        let seconds = took * left as f64 / done as f64;
        self.updated_at.checked_add(time::Duration::seconds_f64(seconds.min(1e9)))
    }
}

impl AnyTx<'_> {
    /// Store a replay of a part of the ledger.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] when the name is taken, or the service runs another replay and is
    /// to run this one.
    pub async fn insert_replay(&self, new: &NewReplay, range: SeqRange) -> Result<Replay, StoreError> {
        let now = self.core.millis();
        let row = replay::Model {
            id: new.id,
            name: new.name.as_str().to_owned(),
            origin: new.origin.as_str().to_owned(),
            target: new.target.as_str().to_owned(),
            from_at: new.selection.from.map(convert::millis_from),
            to_at: new.selection.to.map(convert::millis_from),
            subjects: new.selection.subjects.join(" "),
            user_ids: words(&new.selection.users),
            rate: new.rate.map(i64::from),
            state: ReplayState::Running.as_str().to_owned(),
            cursor: range.after,
            through: range.through,
            target_seq: StreamSeq::default(),
            total: None,
            sent: 0,
            refused: 0,
            trouble: None,
            created_at: now,
            updated_at: now,
            finished_at: None,
        };
        let insert = replay::ActiveModel::from(row.clone()).reset_all();
        replay::Entity::insert(insert).exec_without_returning(&self.core.db).await?;
        replay_of(row)
    }
}

impl Ledger {
    /// What a replay that starts now sends.
    pub async fn replayable(&self, target: ReplayTarget) -> Result<SeqRange, StoreError> {
        let mut range = self.full_range().await?;
        if target == ReplayTarget::Everyone {
            // What waits is published anyway.
            range.through = range.through.min(self.published_through().await?);
        }
        Ok(range)
    }

    pub async fn replay(&self, id: Uuid) -> Result<Option<Replay>, StoreError> {
        let row = replay::Entity::find_by_id(id).one(self.store().db()).await?;
        row.map(replay_of).transpose()
    }

    pub async fn replay_named(&self, name: &ReplayName) -> Result<Option<Replay>, StoreError> {
        let found = replay::Entity::find().filter(replay::Column::Name.eq(name.as_str()));
        found.one(self.store().db()).await?.map(replay_of).transpose()
    }

    /// The replay that the service is to run.
    pub async fn replay_to_run(&self) -> Result<Option<Replay>, StoreError> {
        let found = replay::Entity::find()
            .filter(replay::Column::Origin.eq(ReplayOrigin::Service.as_str()))
            .filter(replay::Column::State.eq(ReplayState::Running.as_str()))
            .order_by_asc(replay::Column::CreatedAt);
        found.one(self.store().db()).await?.map(replay_of).transpose()
    }

    /// Store the progress, the state and the trouble of a replay.
    pub async fn save_replay_progress(&self, replay: &Replay, now: OffsetDateTime) -> Result<(), StoreError> {
        let number = |number: u64| i64::try_from(number).unwrap_or(i64::MAX);
        let (progress, now) = (replay.progress, convert::millis(now));
        let row = replay::ActiveModel {
            id: Set(replay.id),
            state: Set(replay.state.as_str().to_owned()),
            cursor: Set(progress.rest.after),
            target_seq: Set(progress.target_seq),
            total: Set(replay.total.map(number)),
            sent: Set(number(progress.sent)),
            refused: Set(number(progress.refused)),
            trouble: Set(replay.trouble.clone()),
            updated_at: Set(now),
            finished_at: Set((replay.state == ReplayState::Done).then_some(now)),
            ..<replay::ActiveModel as Default>::default()
        };
        let _writer = self.store().writer().await?;
        replay::Entity::update(row).exec(self.store().db()).await?;
        Ok(())
    }
}

fn words(ids: &[Uuid]) -> String {
    ids.iter().map(Uuid::to_string).collect::<Vec<_>>().join(" ")
}

fn replay_of(row: replay::Model) -> Result<Replay, StoreError> {
    let corrupt = |column| StoreError::Corrupt { table: "replays", column };
    let target: ReplayTarget = row.target.parse().map_err(|_| corrupt("target"))?;
    let subject = |text: &str| EventKind::from_subject(text).map(EventKind::subject);
    let selection = Selection {
        from: row.from_at.map(convert::time),
        to: row.to_at.map(convert::time),
        subjects: row
            .subjects
            .split_whitespace()
            .map(|text| subject(text).ok_or_else(|| corrupt("subjects")))
            .collect::<Result<_, _>>()?,
        users: row
            .user_ids
            .split_whitespace()
            .map(|id| id.parse().map_err(|_| corrupt("user_ids")))
            .collect::<Result<_, _>>()?,
    };
    Ok(Replay {
        id: row.id,
        name: row.name,
        origin: row.origin.parse().map_err(|_| corrupt("origin"))?,
        target,
        selection,
        rate: row.rate.and_then(|rate| u32::try_from(rate).ok()),
        state: row.state.parse().map_err(|_| corrupt("state"))?,
        total: row.total.map(i64::unsigned_abs),
        progress: ReplayProgress {
            rest: SeqRange { after: row.cursor, through: row.through },
            target_seq: row.target_seq,
            sent: row.sent.unsigned_abs(),
            refused: row.refused.unsigned_abs(),
        },
        trouble: row.trouble,
        created_at: convert::time(row.created_at),
        updated_at: convert::time(row.updated_at),
        finished_at: row.finished_at.map(convert::time),
    })
}
