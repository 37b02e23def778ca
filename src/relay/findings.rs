//! What a comparison of the ledger with the stream found.

use std::fmt;

/// How the ledger and the stream differ in one place.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Difference {
    /// The ledger says that the stream has acknowledged the event, and the stream does not have it.
    Missing,
    /// The stream has a message that is no event of the ledger.
    Extra,
    /// The stream has the event twice.
    Duplicate,
    /// The stream has the event, at another place than the ledger says.
    Misplaced,
    /// The stream has the event behind a later event about the same user.
    OutOfOrder,
}

impl Difference {
    /// All of them.
    pub const ALL: [Self; 5] = [
        Self::Missing,
        Self::Extra,
        Self::Duplicate,
        Self::Misplaced,
        Self::OutOfOrder,
    ];
}

impl fmt::Display for Difference {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(match self {
            Self::Missing => "missing",
            Self::Extra => "extra",
            Self::Duplicate => "duplicate",
            Self::Misplaced => "misplaced",
            Self::OutOfOrder => "out of order",
        })
    }
}

/// One difference.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// What is wrong.
    pub difference: Difference,
    /// Where in the stream: where the message is or, when it is missing, should be.
    pub stream_seq: u64,
    /// Which message: its `Nats-Msg-Id`, if it has one.
    pub id: Option<String>,
    /// Its subject.
    pub subject: String,
    /// Where in the ledger, when it is there.
    pub ledger_seq: Option<i64>,
}

/// So many findings of a kind are kept; the others are counted.
const KEPT: u64 = 1000;

/// What was compared and what was found.
#[derive(Clone, Debug, Default)]
pub struct Findings {
    /// Where the stream began and ended.
    pub sequences: (u64, u64),
    /// Messages that were read.
    pub messages: u64,
    /// Of those, the ones that the ledger has at the same place.
    pub in_place: u64,
    /// Of those, copies that replays made.
    pub replayed: u64,
    /// Of those, the ones whose acknowledgement the ledger does not have yet.
    pub unsettled: u64,
    /// Of those, the ones so old that the ledger has let go of them.
    pub pruned: u64,
    /// Events that wait in the ledger to be published.
    pub waiting: u64,
    counts: [u64; Difference::ALL.len()],
    list: Vec<Finding>,
}

impl Findings {
    /// Nothing compared yet of a stream with these first and last sequences.
    pub(crate) fn of(first: u64, last: u64) -> Self {
        Self {
            sequences: (first, last),
            ..Self::default()
        }
    }

    /// Notes a difference.
    pub(crate) fn add(&mut self, finding: Finding) {
        if let Some(count) = self.counts.get_mut(finding.difference as usize) {
            *count += 1;
            if *count <= KEPT {
                self.list.push(finding);
            }
        }
    }

    /// How many of a kind.
    #[must_use]
    pub fn count(&self, difference: Difference) -> u64 {
        self.counts.get(difference as usize).copied().unwrap_or_default()
    }

    /// The first thousand of each kind.
    #[must_use]
    pub fn list(&self) -> &[Finding] {
        &self.list
    }

    /// Whether the ledger and the stream agree.
    #[must_use]
    pub fn agree(&self) -> bool {
        self.counts.iter().all(|count| *count == 0)
    }
}
