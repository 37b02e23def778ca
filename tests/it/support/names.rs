//! Short names of events.

use watchword_events::EventKind;

/// The name of the event with this subject in the catalogue, or the subject.
pub(crate) fn short_name(subject: &str) -> String {
    EventKind::from_subject(subject).map_or_else(|| subject.to_owned(), |kind| kind.definition().name.to_owned())
}
