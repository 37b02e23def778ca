//! The ended sessions, learned from events.

use std::collections::HashMap;

use serde_json::Value;
use time::OffsetDateTime;
use uuid::Uuid;
use watchword_events::ReceivedEvent;

use super::MAX_TOKEN_AGE;
use super::verifier::Claims;

/// The sessions that have ended, as long as one of their tokens can be valid.
#[derive(Default)]
pub(super) struct EndedSessions {
    sessions: HashMap<Uuid, OffsetDateTime>,
    cleaned_up: Option<OffsetDateTime>,
}

impl EndedSessions {
    /// Applies an event, which the stream stored at this time. Every event that ends sessions names
    /// them in the same field, also one that this version of the crate does not know. A session is
    /// ended by its id: no clocks are compared, and a login a moment later has another id.
    pub(super) fn apply(&mut self, received: &ReceivedEvent, at: OffsetDateTime) {
        let ended = received.data().get("endedSessionIds").and_then(Value::as_array);
        let ids = ended.into_iter().flatten().filter_map(|id| id.as_str()?.parse().ok());
        self.sessions.extend(ids.map(|id: Uuid| (id, at)));
        if self.cleaned_up.is_none_or(|cleaned_up| at - cleaned_up > MAX_TOKEN_AGE) {
            self.cleaned_up = Some(at);
            self.sessions.retain(|_, ended| at - *ended < MAX_TOKEN_AGE);
        }
    }

    /// Whether the session of these claims has ended.
    pub(super) fn contains(&self, claims: &Claims) -> bool {
        self.sessions.contains_key(&claims.sid)
    }
}
