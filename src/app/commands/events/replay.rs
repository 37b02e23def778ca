//! `watchword events replay`.

use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::{Progress, Selection};
use crate::actions::events::start_replay;
use crate::app::build::{open_store_beside, secret_key};
use crate::app::{AppError, Environment};
use crate::config::Settings;
use crate::domain::ids::uuid_v7;
use crate::jetstream::{ReplayPublisher, StreamReader};
use crate::relay::{self, ReplayEnd, ReplayParts};
use crate::security::LedgerMarks;
use crate::store::{Conflict, NewReplay, ReplayOrigin, ReplayState, Store, StoreError};
pub use crate::store::{Replay, ReplayName, ReplayTarget};

/// The most users of one replay: its event names them all.
const MAX_USERS: usize = 100;
/// Between two looks at a replay that the service runs.
const WATCH_INTERVAL: Duration = Duration::from_millis(500);

/// The requested replay.
#[derive(Debug, Clone)]
pub struct ReplayOrder {
    /// Name of the replay to start or resume. `None`: a new name.
    pub name: Option<ReplayName>,
    pub target: ReplayTarget,
    pub selection: Selection,
    /// Maximum number of events per second.
    pub rate: Option<u32>,
}

/// A replay after this run.
#[derive(Debug)]
pub struct Replayed {
    pub replay: Replay,
    /// The stream of the copies.
    pub stream: String,
    /// Whether all events have been sent.
    pub done: bool,
}

/// Publish copies of events, or resume an interrupted replay of the same name. The service may run.
///
/// # Errors
/// [`AppError`] if the name belongs to another replay, or if the database or NATS is unavailable at
/// start.
pub async fn replay(
    settings: &Settings,
    order: ReplayOrder,
    progress: &mut dyn ReplayProgress,
    stop: &CancellationToken,
) -> Result<Replayed, AppError> {
    if order.selection.users.len() > MAX_USERS {
        return Err(AppError::argument("--user", "can be repeated at most 100 times"));
    }
    let environment = Environment::default();
    let store = open_store_beside(settings, &environment).await?;
    let ledger = store.ledger();
    if order.target == ReplayTarget::Everyone {
        return watch(settings, &store, order, &environment, progress, stop).await;
    }
    let marks = LedgerMarks::new(&*secret_key(settings, &environment)?)?;
    let reader = StreamReader::connect(settings).await?;
    let lock = ledger.try_acquire_replay_lease().await?.ok_or(AppError::Replaying)?;
    let mut replay = find_or_begin(&store, order, &environment).await?;
    progress.began(&replay.name, replay.progress.sent > 0);
    let publisher = ReplayPublisher::new(&reader.publisher(marks), &replay.name, replay.target)?;
    let stream = publisher.stream().to_owned();
    let mut parts = ReplayParts {
        ledger: ledger.clone(),
        publisher,
        copies: None,
        clock: environment.clock.clone(),
        lock,
        stop: stop.clone(),
    };
    let mut shown = Shown { progress, trouble: None };
    let ran = relay::replay(&mut parts, &mut replay, &mut |replay| shown.update(replay)).await;
    let done = ran? == ReplayEnd::Done;
    if !done {
        replay.state = ReplayState::Stopped;
        ledger.save_replay_progress(&replay, environment.clock.now()).await?;
    }
    store.close().await;
    Ok(Replayed { replay, stream, done })
}

/// Have the service replay for everyone, since only the relay that leads publishes into the event
/// stream, and report its progress.
async fn watch(
    settings: &Settings,
    store: &Store,
    order: ReplayOrder,
    environment: &Environment,
    progress: &mut dyn ReplayProgress,
    stop: &CancellationToken,
) -> Result<Replayed, AppError> {
    let ledger = store.ledger();
    let mut replay = find_or_begin(store, order, environment).await?;
    progress.handed_over(&replay.name);
    let mut shown = Shown { progress, trouble: None };
    while replay.state != ReplayState::Done && !stop.is_cancelled() {
        tokio::select! {
            () = tokio::time::sleep(WATCH_INTERVAL) => {}
            () = stop.cancelled() => {}
        }
        let Some(found) = ledger.replay(replay.id).await? else {
            break;
        };
        replay = found;
        shown.update(&replay);
    }
    Ok(Replayed {
        stream: settings.stream.name.clone(),
        done: replay.state == ReplayState::Done,
        replay,
    })
}

/// Receives the progress of a replay.
pub trait ReplayProgress: Progress {
    /// The replay starts or resumes.
    fn began(&mut self, name: &str, goes_on: bool);
    /// The service runs the replay.
    fn handed_over(&mut self, name: &str);
    /// A step failed and is retried.
    fn trouble(&mut self, reason: &str);
}

/// The progress of a replay, as it was shown last.
struct Shown<'a> {
    progress: &'a mut dyn ReplayProgress,
    trouble: Option<String>,
}

impl Shown<'_> {
    fn update(&mut self, replay: &Replay) {
        self.progress.total(replay.total.unwrap_or_default());
        self.progress.done(replay.progress.sent + replay.progress.refused);
        if self.trouble != replay.trouble {
            self.trouble.clone_from(&replay.trouble);
            if let Some(trouble) = &self.trouble {
                self.progress.trouble(trouble);
            }
        }
    }
}

async fn find_or_begin(store: &Store, order: ReplayOrder, environment: &Environment) -> Result<Replay, AppError> {
    let now = environment.clock.now();
    let id = uuid_v7(now, &*environment.random);
    let name = match order.name.clone() {
        Some(name) => name,
        None => name_of(now)?,
    };
    if let Some(known) = store.ledger().replay_named(&name).await? {
        return goes_on(known, &order);
    }
    let new = NewReplay {
        id,
        name: name.clone(),
        origin: origin(order.target),
        target: order.target,
        selection: order.selection,
        rate: order.rate,
    };
    match start_replay::run_as_operator(store, now, &new).await {
        Err(StoreError::Conflict(Conflict::ReplayName)) => Err(refused(&name.to_string(), "is already in use")),
        begun => Ok(begun?),
    }
}

/// The earlier replay of this name, if it is the same one and not done.
fn goes_on(known: Replay, order: &ReplayOrder) -> Result<Replay, AppError> {
    let same =
        known.target == order.target && (order.selection == known.selection || order.selection == Selection::default());
    if known.origin != origin(order.target) {
        return Err(refused(&known.name, "is run by the service"));
    }
    if known.state == ReplayState::Done {
        return Err(refused(&known.name, "is done; choose another name"));
    }
    if !same {
        return Err(refused(
            &known.name,
            "has another target or other filters; omit the filters to resume it, or choose another name",
        ));
    }
    Ok(Replay { rate: order.rate.or(known.rate), ..known })
}

/// What runs a replay for this target.
const fn origin(target: ReplayTarget) -> ReplayOrigin {
    match target {
        ReplayTarget::Replays => ReplayOrigin::Command,
        ReplayTarget::Everyone => ReplayOrigin::Service,
    }
}

fn refused(name: &str, problem: &str) -> AppError {
    AppError::argument("--name", format!("{name} {problem}"))
}

/// The default name of a replay: its start time in UTC.
fn name_of(now: time::OffsetDateTime) -> Result<ReplayName, AppError> {
    let format = time::macros::format_description!("[year][month][day]t[hour][minute][second]");
    let text = now.format(format).unwrap_or_default();
    text.parse().map_err(|_| refused(&text, "is not a valid name"))
}
