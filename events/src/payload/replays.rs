//! The payload about replays.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use uuid::Uuid;

use crate::open_enum::open_enum;
use crate::timestamp::{self, Timestamp};

/// A replay of events was started. `actor` names who started it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(not(feature = "producer"), non_exhaustive)]
pub struct ReplayStarted {
    /// The replay's id.
    pub replay_id: Uuid,
    /// The name of the replay.
    pub name: String,
    /// Who gets the events.
    pub target: ReplayTarget,
    /// Only what happened at this moment or later is replayed.
    #[serde(default, skip_serializing_if = "Option::is_none", with = "timestamp::optional")]
    #[schemars(with = "Option<Timestamp>")]
    pub from: Option<OffsetDateTime>,
    /// Only what happened before this moment is replayed.
    #[serde(default, skip_serializing_if = "Option::is_none", with = "timestamp::optional")]
    #[schemars(with = "Option<Timestamp>")]
    pub to: Option<OffsetDateTime>,
    /// Only events of these subjects are replayed; absent when all are.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(min = 1, max = 100))]
    pub subjects: Vec<String>,
    /// Only events about these users are replayed; absent when all are.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(min = 1, max = 100))]
    pub user_ids: Vec<Uuid>,
}

open_enum! {
    /// Who gets the events of a replay.
    pub enum ReplayTarget {
        /// Consumers of the replay stream.
        Replays = "replays",
        /// Every subscriber of the event stream.
        Everyone = "everyone",
    }
}
