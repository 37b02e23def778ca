//! What has ended, learned from events.

use std::collections::HashMap;
use std::time::Duration;

use serde_json::Value;
use time::OffsetDateTime;
use uuid::Uuid;
use watchword_events::Received;

use super::{Claims, REMEMBER};

/// What has ended, as long as a token of it can be left.
#[derive(Default)]
pub(super) struct Ended {
    sessions: HashMap<Uuid, OffsetDateTime>,
    /// Of these users every session that is not younger, but perhaps one.
    users: HashMap<Uuid, Vec<(OffsetDateTime, Option<Uuid>)>>,
    cleaned: Option<OffsetDateTime>,
}

impl Ended {
    /// Learns.
    pub(super) fn apply(&mut self, received: &Received) {
        let at = received.timestamp;
        let text = |field| received.data().get(field).and_then(Value::as_str);
        let session = text("sessionId").and_then(|id| id.parse().ok());
        // By subject: an event that the crate does not know yet has one, too.
        let but = match (received.subject.as_str(), text("scope"), session) {
            ("auth.user.session_revoked" | "auth.user.token_reuse_detected", _, Some(session))
            | ("auth.user.logged_out", Some("local"), Some(session)) => {
                self.sessions.insert(session, at);
                return;
            }
            ("auth.user.logged_out", Some("others"), acting) => acting,
            ("auth.user.logged_out" | "auth.user.deleted" | "auth.user.disabled", ..) => None,
            ("auth.user.password_changed" | "auth.user.password_reset_completed", ..) => None,
            _ => return,
        };
        if let Some(user) = &received.user {
            self.users.entry(user.id).or_default().push((at, but));
        }
        if self.cleaned.is_none_or(|cleaned| at - cleaned > REMEMBER) {
            self.cleaned = Some(at);
            self.sessions.retain(|_, ended| at - *ended < REMEMBER);
            self.users
                .retain(|_, ends| ends.iter().any(|(ended, _)| at - *ended < REMEMBER));
        }
    }

    /// Whether the token of these claims is of something that has ended.
    pub(super) fn has(&self, claims: &Claims) -> bool {
        // A session's id says when it began (UUIDv7).
        let began = claims.sid.get_timestamp().map(|time| time.to_unix());
        let began = began.and_then(|(seconds, nanos)| {
            let seconds = OffsetDateTime::from_unix_timestamp(i64::try_from(seconds).ok()?).ok()?;
            Some(seconds + Duration::from_nanos(nanos.into()))
        });
        let ends = self.users.get(&claims.sub).into_iter().flatten();
        let by_user = |(ended, but): &(_, _)| began.is_none_or(|began| began <= *ended) && *but != Some(claims.sid);
        self.sessions.contains_key(&claims.sid) || ends.into_iter().any(by_user)
    }
}
