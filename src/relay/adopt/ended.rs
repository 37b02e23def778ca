//! What events have ended, which is ended again, and what else they changed.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value};
use uuid::Uuid;
use watchword_events::{EventKind, ReceivedEvent};

use crate::{
    domain::{session::RevokeReason, user::UserStatus},
    store::{EndedSession, EndedUser, Endings, MissingEvent},
};

/// Changes of one kind that the restored rows do not have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lost {
    /// Of the events.
    pub subject: String,
    pub events: u64,
    /// The users they are about.
    pub users: BTreeSet<Uuid>,
}

/// Returns what the events have ended, in their order, and what else they changed.
pub(super) fn by(events: &[MissingEvent]) -> (Endings, Vec<Lost>) {
    let mut endings = Endings::default();
    let mut users = BTreeMap::new();
    let mut lost: BTreeMap<&str, Lost> = BTreeMap::new();
    for event in events {
        let kind = EventKind::from_subject(&event.subject);
        let received = ReceivedEvent::from_json(&event.payload).ok();
        if let Some(received) = &received {
            let reason = reason(kind, received.data());
            let sessions = ended_sessions(received.data());
            endings
                .sessions
                .extend(sessions.map(|id| EndedSession { id: id.into(), reason, at: event.occurred_at }));
        }
        let Some(user) = event.user_id else { continue };
        match kind {
            Some(EventKind::Disabled) => {
                users.insert(user, (UserStatus::Disabled, event.occurred_at));
            }
            Some(EventKind::Deleted) => {
                users.insert(user, (UserStatus::Deleted, event.occurred_at));
            }
            // Disabled and enabled again is what the restored row says.
            Some(EventKind::Enabled) if users.remove(&user).is_some() => {}
            Some(kind) if is_lost(kind) => {
                let lost = lost.entry(kind.subject()).or_insert_with(|| Lost {
                    subject: kind.subject().to_owned(),
                    events: 0,
                    users: BTreeSet::new(),
                });
                lost.events += 1;
                lost.users.insert(user);
            }
            _ => {}
        }
    }
    endings.users = users
        .into_iter()
        .map(|(id, (status, at))| EndedUser { id: id.into(), status, at })
        .collect();
    (endings, lost.into_values().collect())
}

/// Whether the event changed what its payload does not have, or what only its owner may set again.
const fn is_lost(kind: EventKind) -> bool {
    matches!(
        kind,
        EventKind::Registered
            | EventKind::Updated
            | EventKind::EmailVerified
            | EventKind::EmailChanged
            | EventKind::UsernameChanged
            | EventKind::PasswordChanged
            | EventKind::PasswordResetCompleted
            | EventKind::RoleGranted
            | EventKind::RoleRevoked
            | EventKind::Enabled
            | EventKind::MfaEnrolled
            | EventKind::MfaRemoved
            | EventKind::RecoveryCodesGenerated
            | EventKind::RecoveryCodeUsed
    )
}

fn ended_sessions(data: &Map<String, Value>) -> impl Iterator<Item = Uuid> {
    let ids = data.get("endedSessionIds").and_then(Value::as_array).map(Vec::as_slice);
    ids.unwrap_or_default().iter().filter_map(|id| id.as_str()?.parse().ok())
}

/// Why the sessions ended.
fn reason(kind: Option<EventKind>, data: &Map<String, Value>) -> RevokeReason {
    match kind {
        Some(EventKind::LoggedOut) => RevokeReason::Logout,
        Some(EventKind::PasswordChanged) => RevokeReason::PasswordChange,
        Some(EventKind::PasswordResetCompleted) => RevokeReason::PasswordReset,
        Some(EventKind::TokenReuseDetected) => RevokeReason::Reuse,
        Some(EventKind::Disabled) => RevokeReason::Disabled,
        Some(EventKind::Deleted) => RevokeReason::Deleted,
        // `session_revoked` has a reason, with the names of this enumeration.
        _ => {
            let text = data.get("reason").and_then(Value::as_str).unwrap_or_default();
            text.parse().unwrap_or(RevokeReason::Admin)
        }
    }
}
