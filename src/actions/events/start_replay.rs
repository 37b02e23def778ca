//! Starts a replay, for administrators and the operator, and records `replay_started`: an instance
//! of the service, or the operator's command, publishes the selected events again.

use time::OffsetDateTime;
use watchword_events::{Actor, ReplayStarted, ReplayTarget as PublishedTarget};

use crate::actions::ActionError::{self, Refused};
use crate::actions::Context;
use crate::actions::error::widen;
use crate::actions::sessions::authenticate::Identity;
use crate::actions::users::{admin_guard, break_glass};
use crate::domain::ids::uuid_v7;
pub use crate::domain::replay::{ReplayName, ReplayState, ReplayTarget};
use crate::domain::request_metadata::RequestMetadata;
use crate::store::{AnyTx, Conflict, NewReplay, ReplayOrigin, SeqRange, Store, StoreError};
pub use crate::store::{Replay, Selection};

#[derive(Debug, Clone)]
pub struct Input {
    /// The replay's id when left out.
    pub name: Option<ReplayName>,
    pub target: ReplayTarget,
    pub selection: Selection,
    /// At most so many events per second.
    pub rate: Option<u32>,
}

#[derive(Debug, thiserror::Error)]
pub enum Refusal {
    #[error("another replay has the name")]
    NameTaken,
    /// The service runs one replay at a time.
    #[error("a replay is running")]
    Running,
    #[error(transparent)]
    Admin(#[from] admin_guard::Refusal),
}

/// Store the replay. One of the instances runs it.
///
/// # Errors
/// [`Refusal`]; nothing is stored then.
pub async fn run(cx: Context, caller: Identity, input: Input) -> Result<Replay, ActionError<Refusal>> {
    admin_guard::authorize(&cx, &caller).await.map_err(widen)?;
    let id = uuid_v7(cx.now(), &*cx.services.random);
    let name = match input.name {
        Some(name) => name,
        // A UUID is always a well-formed name.
        None => id.to_string().parse().map_err(|_| Refused(Refusal::NameTaken))?,
    };
    let new = NewReplay {
        id,
        name,
        origin: ReplayOrigin::Service,
        target: input.target,
        selection: input.selection,
        rate: input.rate,
    };
    let range = cx.services.store.ledger().replayable(new.target).await?;
    let mut tx = cx.begin().await?;
    admin_guard::recheck_admin(&cx, &mut tx, &caller).await.map_err(widen)?;
    match start(tx.without_user(), admin_guard::actor(&caller), &new, range).await {
        Ok(replay) => Ok(replay),
        Err(StoreError::Conflict(Conflict::ReplayName)) => Err(Refused(Refusal::NameTaken)),
        Err(StoreError::Conflict(Conflict::ReplayRunning)) => Err(Refused(Refusal::Running)),
        Err(error) => Err(error.into()),
    }
}

/// Store a replay that the operator asks for at the command line.
///
/// # Errors
/// [`StoreError::Conflict`] when the name is taken, or the service is to run this replay and runs
/// another one; nothing is stored then.
pub async fn run_as_operator(store: &Store, now: OffsetDateTime, new: &NewReplay) -> Result<Replay, StoreError> {
    let range = store.ledger().replayable(new.target).await?;
    let request = RequestMetadata::default();
    let tx = store.begin(now, &request).await?;
    start(tx.without_user(), break_glass::operator(), new, range).await
}

async fn start(
    mut tx: AnyTx<'_>,
    actor: Option<Actor>,
    new: &NewReplay,
    range: SeqRange,
) -> Result<Replay, StoreError> {
    let replay = tx.insert_replay(new, range).await?;
    tx.record_as(actor, replay_started(new)).await?;
    tx.commit().await?;
    Ok(replay)
}

fn replay_started(new: &NewReplay) -> ReplayStarted {
    ReplayStarted {
        replay_id: new.id,
        name: new.name.to_string(),
        target: match new.target {
            ReplayTarget::Replays => PublishedTarget::Replays,
            ReplayTarget::Everyone => PublishedTarget::Everyone,
        },
        from: new.selection.from,
        to: new.selection.to,
        subjects: new.selection.subjects.iter().map(|&subject| subject.to_owned()).collect(),
        user_ids: new.selection.users.clone(),
    }
}
