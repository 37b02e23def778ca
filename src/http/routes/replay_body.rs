//! Replays as they are asked for and shown.

use poem_openapi::{Enum, Object};
use serde::Deserialize;
use time::OffsetDateTime;
use uuid::Uuid;

use super::body::Fields;
use super::event_parameters::{Subject, check_range};
use crate::actions::start_replay::{self, Input, ReplayName, Selection};
use crate::http::problem::{FieldError, Problem};
use crate::http::query::Parameter;
use crate::http::timestamp::Timestamp;

/// The most types or users that one replay can name.
const MOST_NAMED: usize = 100;
/// The highest rate, in events a second.
const MOST_RATE: u32 = 1_000_000;

/// Which events to replay, and to whom. Every filter narrows it down; without any it is the whole ledger.
#[derive(Object, Deserialize)]
#[oai(rename = "NewReplay", rename_all = "camelCase", deny_unknown_fields, example)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct NewReplay {
    /// The replay's name: 1 to 40 small letters, digits and hyphens, which no other replay has. Part of the copies' subjects. Its id
    /// when left out.
    #[oai(
        skip_serializing_if_is_none,
        validator(min_length = 1, max_length = 40, pattern = "^[a-z0-9-]+$")
    )]
    name: Option<String>,
    /// Only what happened at this moment (RFC 3339) or later.
    #[oai(skip_serializing_if_is_none)]
    from: Option<String>,
    /// Only what happened before this moment.
    #[oai(skip_serializing_if_is_none)]
    to: Option<String>,
    /// Only these kinds of events: their subjects, or the names behind `auth.user.`.
    #[oai(skip_serializing_if_is_none, validator(max_items = 100))]
    types: Option<Vec<String>>,
    /// Only events about these users.
    #[oai(skip_serializing_if_is_none, validator(max_items = 100))]
    user_ids: Option<Vec<String>>,
    /// The most events a second.
    #[oai(
        skip_serializing_if_is_none,
        validator(minimum(value = "1"), maximum(value = "1000000"))
    )]
    rate: Option<u32>,
    /// Who gets the copies; `replays` when left out.
    #[oai(skip_serializing_if_is_none)]
    target: Option<Target>,
}

impl poem_openapi::types::Example for NewReplay {
    fn example() -> Self {
        Self {
            name: Some("mailer".to_owned()),
            from: Some("2026-11-01T00:00:00Z".to_owned()),
            to: None,
            types: Some(vec!["registered".to_owned()]),
            user_ids: None,
            rate: Some(500),
            target: None,
        }
    }
}

/// Who gets a replay's copies.
#[derive(Clone, Copy, Enum, Deserialize)]
#[oai(rename = "ReplayTarget", rename_all = "snake_case")]
#[serde(rename_all = "snake_case")]
pub enum Target {
    /// Readers of the stream of replays, on the subjects `auth.replay.<name>.<event>`.
    Replays,
    /// Every subscriber of the event stream, once more.
    Everyone,
}

/// Where a replay stands.
#[derive(Clone, Copy, Enum)]
#[oai(rename = "ReplayState", rename_all = "snake_case")]
pub enum State {
    /// Events are being sent, or will be.
    Running,
    /// The command line's, interrupted.
    Stopped,
    /// Every event has been sent.
    Done,
}

/// A replay and how far it has come.
#[derive(Object)]
#[oai(rename = "Replay", rename_all = "camelCase")]
pub struct ReplayBody {
    /// `UUIDv7`.
    id: Uuid,
    /// Its name; copies are published on `auth.replay.<name>.<event>` unless everyone gets them.
    name: String,
    /// Who gets the copies.
    target: Target,
    /// Where it stands.
    state: State,
    /// How many events it has in all; absent until they are counted.
    #[oai(skip_serializing_if_is_none)]
    total: Option<u64>,
    /// How many have been sent.
    sent: u64,
    /// How many were left out because the stream would not take them.
    refused: u64,
    /// Only what happened at this moment or later.
    #[oai(skip_serializing_if_is_none)]
    from: Option<Timestamp>,
    /// Only what happened before this moment.
    #[oai(skip_serializing_if_is_none)]
    to: Option<Timestamp>,
    /// Only events of these subjects; of all when empty.
    types: Vec<String>,
    /// Only events about these users; about anybody when empty.
    user_ids: Vec<Uuid>,
    /// The most events a second.
    #[oai(skip_serializing_if_is_none)]
    rate: Option<u32>,
    /// Why it does not get on at the moment. It is tried again.
    #[oai(skip_serializing_if_is_none)]
    trouble: Option<String>,
    /// When it was asked for.
    created_at: Timestamp,
    /// When it last got on.
    updated_at: Timestamp,
    /// When it will be done if it goes on as it has so far.
    #[oai(skip_serializing_if_is_none)]
    expected_at: Option<Timestamp>,
    /// When it was done.
    #[oai(skip_serializing_if_is_none)]
    finished_at: Option<Timestamp>,
}

/// The body as the action wants it.
///
/// # Errors
/// 422 with every field that is not acceptable.
pub fn parse(body: NewReplay) -> Result<Input, Problem> {
    let mut fields = Fields::default();
    let name = body.name.map(|name| fields.parse::<ReplayName>("/name", &name));
    let from = one::<OffsetDateTime>(body.from, "/from", &mut fields);
    let to = one::<OffsetDateTime>(body.to, "/to", &mut fields);
    check_range(from, to, &mut fields);
    let subjects = several::<Subject>(body.types, "/types", &mut fields);
    let users = several::<Uuid>(body.user_ids, "/userIds", &mut fields);
    if body.rate.is_some_and(|rate| !(1..=MOST_RATE).contains(&rate)) {
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
            ..Selection::default()
        },
        rate: body.rate,
    }))
}

fn one<T: Parameter>(text: Option<String>, pointer: &str, fields: &mut Fields) -> Option<T> {
    let parsed = T::parse(&text?);
    parsed.map_err(|refusal| fields.refuse(refusal.at(pointer))).ok()
}

fn several<T: Parameter>(texts: Option<Vec<String>>, pointer: &str, fields: &mut Fields) -> Vec<T> {
    let texts = texts.unwrap_or_default();
    if texts.len() > MOST_NAMED {
        fields.refuse(FieldError::new(pointer, "too_many", "must be at most 100"));
        return Vec::new();
    }
    let parse = |(index, text)| one::<T>(Some(text), &format!("{pointer}/{index}"), fields);
    texts.into_iter().enumerate().filter_map(parse).collect()
}

impl ReplayBody {
    /// A replay as it is shown.
    pub fn of(replay: start_replay::Replay) -> Self {
        let expected_at = replay.expected_end().map(Timestamp::from);
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
            types: replay.selection.subjects.iter().map(ToString::to_string).collect(),
            user_ids: replay.selection.users,
            rate: replay.rate,
            trouble: replay.trouble,
            created_at: replay.created_at.into(),
            updated_at: replay.updated_at.into(),
            expected_at,
            finished_at: replay.finished_at.map(Timestamp::from),
            name: replay.name,
        }
    }
}
