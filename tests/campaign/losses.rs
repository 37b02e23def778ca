//! What failovers of PostgreSQL have lost: commits that were answered, and are no fault then.

use std::collections::BTreeSet;
use std::time::Duration;

use uuid::Uuid;

use super::checker::events_of;
use super::support::database::LedgerRow;

/// A failover that has lost so few events may be unnoticed by a reader: there may be as many new
/// ones before it reads again.
const UNNOTICED: usize = 20;

/// The losses of a round.
#[derive(Clone, Debug, Default)]
pub(crate) struct Losses {
    /// When each failover happened. What clients knew of users then may not be true any more.
    failovers: Vec<Duration>,
    /// The traces of requests whose events were lost. Published ones come back.
    traces: BTreeSet<String>,
    /// The users of these events. What has happened to them comes back only in part.
    users: BTreeSet<Uuid>,
    /// The sequences that were given to other events afterwards, which a reader may miss.
    reused: Vec<(i64, i64)>,
}

impl Losses {
    /// Adds a failover that has lost these rows, all of them behind the sequence `end`.
    pub(crate) fn add(&mut self, at: Duration, rows: &[LedgerRow], end: i64) {
        self.failovers.push(at);
        self.traces.extend(events_of(rows).into_iter().map(|event| event.trace));
        self.users.extend(rows.iter().filter_map(|row| row.user_id));
        if let Some(last) = rows.last().filter(|_| rows.len() <= UNNOTICED) {
            self.reused.push((end, last.seq));
        }
    }

    /// Returns the number of failovers so far.
    pub(crate) const fn era(&self) -> usize {
        self.failovers.len()
    }

    /// Whether a failover happened between two times.
    pub(crate) fn is_between(&self, from: Duration, to: Duration) -> bool {
        self.failovers.iter().any(|at| (from..=to).contains(at))
    }

    /// Whether events of a request were lost.
    pub(crate) fn has_trace(&self, trace: &str) -> bool {
        self.traces.contains(trace)
    }

    /// Whether events of a user were lost.
    pub(crate) fn has_user(&self, user: &Uuid) -> bool {
        self.users.contains(user)
    }

    /// Whether a reader may have missed a sequence.
    pub(crate) fn excuses_reader(&self, seq: i64) -> bool {
        self.reused.iter().any(|(after, through)| seq > *after && seq <= *through)
    }
}
