//! From when on a reader knows every event.

use std::sync::{Arc, Mutex, PoisonError};

use async_nats::jetstream::stream::Info;
use time::OffsetDateTime;

use crate::subscriber::builder::Start;

/// Tells from when on an ephemeral subscriber has read everything:
/// [`Subscriber::coverage`](crate::Subscriber::coverage). The kit updates it, and every clone shows
/// the same.
///
/// A program that decides by what it has **not** heard needs it, such as one that accepts a token
/// unless it has heard that its session ended.
#[derive(Clone, Debug, Default)]
pub struct Coverage(Arc<Mutex<State>>);

#[derive(Debug, Default)]
struct State {
    since: Option<OffsetDateTime>,
    current: bool,
}

impl Coverage {
    /// Returns the time since when the handler has processed every event that the stream stored:
    /// the one to begin at, or a later one if the stream had discarded events by then. `None` while
    /// reading is interrupted or behind.
    ///
    /// An event is stored a moment after it happened, and later after an outage.
    #[must_use]
    pub fn since(&self) -> Option<OffsetDateTime> {
        let state = self.lock();
        state.since.filter(|_| state.current)
    }

    pub(super) fn opened(&self, since: OffsetDateTime) {
        let mut state = self.lock();
        state.since = Some(since.max(state.since.unwrap_or(since)));
    }

    pub(super) fn caught_up(&self) {
        self.lock().current = true;
    }

    pub(super) fn interrupted(&self) {
        self.lock().current = false;
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Returns the time since when the stream holds everything, for a reader that has read up to
/// `after` before, or begins at `start`.
pub(super) fn begins(info: &Info, start: Start, after: Option<u64>) -> OffsetDateTime {
    let (state, everything) = (&info.state, OffsetDateTime::UNIX_EPOCH);
    let next = after.map_or(0, |after| after + 1);
    let is_whole = state.first_sequence <= next.max(1);
    let oldest = match state.messages {
        _ if is_whole => everything,
        // What was stored last, if anything was, is gone too.
        0 => state.last_timestamp.max(info.created),
        _ => state.first_timestamp,
    };
    match start {
        _ if after.is_some() => oldest,
        Start::Since(time) => oldest.max(time),
        Start::Oldest => oldest,
        Start::New => state.last_timestamp.max(info.created),
    }
}
