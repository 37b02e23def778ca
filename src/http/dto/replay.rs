//! Replays in requests and responses.

use poem_openapi::{Enum, Object};
use serde::Deserialize;
use time::OffsetDateTime;
use uuid::Uuid;

use super::event_parameters::{Subject, check_range};
use crate::actions::events::start_replay::{self, Input, ReplayName, Selection};
use crate::http::fields::Fields;
use crate::http::parameters::Parameter;
use crate::http::problem::{FieldError, Problem};
use crate::http::timestamp::Timestamp;

/// Most subjects or users of one replay.
const MAX_NAMED: usize = 100;
/// The highest rate, in events per second.
const MAX_RATE: u32 = 1_000_000;

/// Which events to replay, and to whom. Every filter narrows the selection; without filters the
/// whole ledger is replayed.
#[derive(Object, Deserialize)]
#[oai(rename = "CreateReplayRequest", rename_all = "camelCase", deny_unknown_fields, example)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct CreateReplayRequest {
    /// A unique name: 1 to 40 lower-case letters, digits and hyphens. It is part of the subjects of
    /// replayed events. The replay's id by default.
    #[oai(skip_serializing_if_is_none, validator(min_length = 1, max_length = 40, pattern = "^[a-z0-9-]+$"))]
    name: Option<String>,
    /// Only what happened at this moment (RFC 3339) or later.
    #[oai(skip_serializing_if_is_none)]
    from: Option<String>,
    /// Only what happened before this moment.
    #[oai(skip_serializing_if_is_none)]
    to: Option<String>,
    /// Only events with these subjects, at most 100.
    #[oai(skip_serializing_if_is_none, validator(max_items = 100))]
    subjects: Option<Vec<String>>,
    /// Only events about these users, at most 100.
    #[oai(skip_serializing_if_is_none, validator(max_items = 100))]
    user_ids: Option<Vec<String>>,
    /// At most so many events per second.
    #[oai(skip_serializing_if_is_none, validator(minimum(value = "1"), maximum(value = "1000000")))]
    rate: Option<u32>,
    /// Who gets the events; `replays` by default.
    #[oai(skip_serializing_if_is_none)]
    target: Option<Target>,
}

impl poem_openapi::types::Example for CreateReplayRequest {
    fn example() -> Self {
        Self {
            name: Some("mailer".to_owned()),
            from: Some("2026-11-01T00:00:00Z".to_owned()),
            to: None,
            subjects: Some(vec!["auth.user.registered".to_owned()]),
            user_ids: None,
            rate: Some(500),
            target: None,
        }
    }
}

/// Who gets the events of a replay.
#[derive(Clone, Copy, Enum, Deserialize)]
#[oai(rename = "ReplayTarget", rename_all = "snake_case")]
#[serde(rename_all = "snake_case")]
pub enum Target {
    /// Consumers of the replay stream, on the subjects `auth.replay.<name>.<event>`.
    Replays,
    /// Every subscriber of the event stream, again.
    Everyone,
}

/// The state of a replay.
#[derive(Clone, Copy, Enum)]
#[oai(rename = "ReplayState", rename_all = "snake_case")]
pub enum State {
    /// Events are being published, or will be.
    Running,
    /// Started by the command line and interrupted.
    Stopped,
    /// Every event was published.
    Done,
}

/// A replay and its progress.
#[derive(Object)]
#[oai(rename = "Replay", rename_all = "camelCase")]
pub struct ReplayBody {
    /// `UUIDv7`.
    id: Uuid,
    /// The name. With the target `replays`, events are published on `auth.replay.<name>.<event>`.
    name: String,
    /// Who gets the events.
    target: Target,
    /// The state of the replay.
    state: State,
    /// The number of selected events; absent until they are counted.
    #[oai(skip_serializing_if_is_none)]
    total: Option<u64>,
    /// The number of published events.
    sent: u64,
    /// The number of events that the stream refused.
    refused: u64,
    /// Only what happened at this moment or later.
    #[oai(skip_serializing_if_is_none)]
    from: Option<Timestamp>,
    /// Only what happened before this moment.
    #[oai(skip_serializing_if_is_none)]
    to: Option<Timestamp>,
    /// Only events of these subjects; all events when empty.
    subjects: Vec<String>,
    /// Only events about these users; all events when empty.
    user_ids: Vec<Uuid>,
    /// At most so many events per second.
    #[oai(skip_serializing_if_is_none)]
    rate: Option<u32>,
    /// Why the replay does not advance now. It is retried.
    #[oai(skip_serializing_if_is_none)]
    trouble: Option<String>,
    /// When the replay was started.
    created_at: Timestamp,
    /// When the replay last advanced.
    updated_at: Timestamp,
    /// When the replay will be done at its current pace.
    #[oai(skip_serializing_if_is_none)]
    expected_at: Option<Timestamp>,
    /// When the replay was done.
    #[oai(skip_serializing_if_is_none)]
    finished_at: Option<Timestamp>,
}

/// Convert the body to the input of the action.
///
/// # Errors
/// 422 with every field that is not acceptable.
pub fn parse(body: CreateReplayRequest) -> Result<Input, Problem> {
    let mut fields = Fields::default();
    let name = body.name.map(|name| fields.parse::<ReplayName>("/name", &name));
    let from = parse_one::<OffsetDateTime>(body.from, "/from", &mut fields);
    let to = parse_one::<OffsetDateTime>(body.to, "/to", &mut fields);
    if let Some(error) = check_range(from, to) {
        fields.refuse(error.at("/to"));
    }
    let subjects = parse_all::<Subject>(body.subjects, "/subjects", &mut fields);
    let users = parse_all::<Uuid>(body.user_ids, "/userIds", &mut fields);
    if body.rate.is_some_and(|rate| !(1..=MAX_RATE).contains(&rate)) {
        fields.refuse(FieldError::new("/rate", "out_of_range", "must be from 1 to 1000000"));
    }
    let target = match body.target {
        None | Some(Target::Replays) => start_replay::ReplayTarget::Replays,
        Some(Target::Everyone) => start_replay::ReplayTarget::Everyone,
    };
    fields.finish(Some(Input {
        name: name.flatten(),
        target,
        selection: Selection {
            from,
            to,
            subjects: subjects.into_iter().map(|subject| subject.0).collect(),
            users,
        },
        rate: body.rate,
    }))
}

fn parse_one<T: Parameter>(text: Option<String>, pointer: &str, fields: &mut Fields) -> Option<T> {
    let parsed = T::parse(&text?);
    parsed.map_err(|error| fields.refuse(error.at(pointer))).ok()
}

fn parse_all<T: Parameter>(texts: Option<Vec<String>>, pointer: &str, fields: &mut Fields) -> Vec<T> {
    let texts = texts.unwrap_or_default();
    if texts.len() > MAX_NAMED {
        fields.refuse(FieldError::new(pointer, "too_many", "must be at most 100"));
        return Vec::new();
    }
    let parse = |(index, text)| parse_one::<T>(Some(text), &format!("{pointer}/{index}"), fields);
    texts.into_iter().enumerate().filter_map(parse).collect()
}

impl From<start_replay::Replay> for ReplayBody {
    fn from(replay: start_replay::Replay) -> Self {
        let expected_at = replay.expected_end();
        Self {
            id: replay.id,
            target: match replay.target {
                start_replay::ReplayTarget::Replays => Target::Replays,
                start_replay::ReplayTarget::Everyone => Target::Everyone,
            },
            state: match replay.state {
                start_replay::ReplayState::Running => State::Running,
                start_replay::ReplayState::Stopped => State::Stopped,
                start_replay::ReplayState::Done => State::Done,
            },
            total: replay.total,
            sent: replay.progress.sent,
            refused: replay.progress.refused,
            from: replay.selection.from.map(Timestamp::from),
            to: replay.selection.to.map(Timestamp::from),
            subjects: replay.selection.subjects.iter().map(ToString::to_string).collect(),
            user_ids: replay.selection.users,
            rate: replay.rate,
            trouble: replay.trouble,
            created_at: replay.created_at.into(),
            updated_at: replay.updated_at.into(),
            expected_at: expected_at.map(Timestamp::from),
            finished_at: replay.finished_at.map(Timestamp::from),
            name: replay.name,
        }
    }
}
