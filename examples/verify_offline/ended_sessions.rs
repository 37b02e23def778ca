//! The ended sessions, learned from events.

use std::collections::HashMap;
use std::time::Duration;

use serde_json::Value;
use time::OffsetDateTime;
use uuid::Uuid;
use watchword_events::ReceivedEvent;

use super::{Claims, MAX_TOKEN_AGE};

/// The sessions that have ended, as long as one of their tokens can be valid.
#[derive(Default)]
pub(super) struct EndedSessions {
    sessions: HashMap<Uuid, OffsetDateTime>,
    /// For each user, the times at which all older sessions ended, each with the session that
    /// stayed, if any.
    users: HashMap<Uuid, Vec<(OffsetDateTime, Option<Uuid>)>>,
    cleaned_up: Option<OffsetDateTime>,
}

impl EndedSessions {
    /// Applies an event.
    pub(super) fn apply(&mut self, received: &ReceivedEvent) {
        let at = received.timestamp;
        let text = |field| received.data().get(field).and_then(Value::as_str);
        let session = text("sessionId").and_then(|id| id.parse().ok());
        // By subject, which also works for a version of the event that this crate does not know.
        let except = match (received.subject.as_str(), text("scope"), session) {
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
            self.users.entry(user.id).or_default().push((at, except));
        }
        if self.cleaned_up.is_none_or(|cleaned_up| at - cleaned_up > MAX_TOKEN_AGE) {
            self.cleaned_up = Some(at);
            self.sessions.retain(|_, ended| at - *ended < MAX_TOKEN_AGE);
            self.users.retain(|_, ends| ends.iter().any(|(ended, _)| at - *ended < MAX_TOKEN_AGE));
        }
    }

    /// Whether the session of these claims has ended.
    pub(super) fn contains(&self, claims: &Claims) -> bool {
        // A session's id is a UUIDv7, so it contains the time at which the session began.
        let began = claims.sid.get_timestamp().map(|time| time.to_unix());
        let began = began.and_then(|(seconds, nanos)| {
            let seconds = OffsetDateTime::from_unix_timestamp(i64::try_from(seconds).ok()?).ok()?;
            Some(seconds + Duration::from_nanos(nanos.into()))
        });
        let ends = self.users.get(&claims.sub).into_iter().flatten();
        let by_user =
            |(ended, except): &(_, _)| began.is_none_or(|began| began <= *ended) && *except != Some(claims.sid);
        self.sessions.contains_key(&claims.sid) || ends.into_iter().any(by_user)
    }
}
