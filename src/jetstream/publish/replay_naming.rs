//! How the messages of a replay are named, so that subscribers can tell them from the events.

use watchword_events::split_subject;

use crate::domain::ids::EventId;
use crate::domain::replay::ReplayTarget;

/// What the subjects of replayed events begin with; the replay's name and the event's follow.
pub const REPLAY_SUBJECT: &str = "auth.replay.";

/// The ids and subjects of one replay's messages.
#[derive(Clone, Debug)]
pub(crate) struct ReplayNaming {
    pub(crate) replay: String,
    pub(crate) target: ReplayTarget,
}

impl ReplayNaming {
    /// The event's id, a period and the replay's name.
    pub(crate) fn id(&self, event: EventId) -> String {
        format!("{event}.{}", self.replay)
    }

    pub(crate) fn subject(&self, subject: &str) -> String {
        match self.target {
            ReplayTarget::Replays => {
                // All custom events are one kind: what users name mints no subjects here.
                let (kind, _) = split_subject(subject);
                let name = kind.rsplit('.').next().unwrap_or(kind);
                format!("{REPLAY_SUBJECT}{}.{name}", self.replay)
            }
            ReplayTarget::Everyone => subject.to_owned(),
        }
    }
}
