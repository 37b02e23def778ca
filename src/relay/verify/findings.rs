//! The result of comparing the ledger with the stream.

use std::fmt;

use serde::Serialize;

use crate::domain::ids::{LedgerSeq, StreamSeq};

/// How the ledger and the stream differ in one event.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Difference {
    /// The event is published, and the stream does not have it between those before and behind it.
    Missing,
    /// The stream has a message that is not in the ledger.
    Extra,
    /// The stream has the event twice.
    Duplicate,
    /// The stream has the event after a later one, or its user's number does not follow the one
    /// before.
    OutOfOrder,
}

impl Difference {
    pub const ALL: [Self; 4] = [Self::Missing, Self::Extra, Self::Duplicate, Self::OutOfOrder];
}

impl fmt::Display for Difference {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(match self {
            Self::Missing => "missing",
            Self::Extra => "extra",
            Self::Duplicate => "duplicate",
            Self::OutOfOrder => "out of order",
        })
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Finding {
    pub difference: Difference,
    /// Where the message is or, when it is missing, should be.
    pub stream_seq: StreamSeq,
    /// The `Nats-Msg-Id` of the message, if it has one.
    pub id: Option<String>,
    pub subject: String,
    pub ledger_seq: Option<LedgerSeq>,
}

/// Of each kind; further ones are only counted.
const MAX_LISTED: u64 = 1000;

#[derive(Clone, Debug, Default)]
pub struct Findings {
    /// The first and the last sequence of the stream.
    pub sequences: (StreamSeq, StreamSeq),
    /// Messages that were read.
    pub messages: u64,
    /// Of those, events in the order of the ledger.
    pub in_place: u64,
    /// Of those, messages of replays.
    pub replayed: u64,
    /// Of those, events so old that the ledger has deleted them.
    pub pruned: u64,
    /// Events of the ledger on subjects that a stream may leave out, and that this one lacks.
    pub unrouted: u64,
    /// Events of the ledger that are not published yet.
    pub waiting: u64,
    counts: [u64; Difference::ALL.len()],
    list: Vec<Finding>,
}

impl Findings {
    /// No message of the stream compared yet.
    pub(crate) fn of(first: StreamSeq, last: StreamSeq) -> Self {
        Self { sequences: (first, last), ..Self::default() }
    }

    pub(crate) fn add(&mut self, finding: Finding) {
        if let Some(count) = self.counts.get_mut(finding.difference as usize) {
            *count += 1;
            if *count <= MAX_LISTED {
                self.list.push(finding);
            }
        }
    }

    /// Count a missing event without listing it.
    pub(crate) fn count_missing(&mut self) {
        if let Some(count) = self.counts.get_mut(Difference::Missing as usize) {
            *count += 1;
        }
    }

    #[must_use]
    pub fn count(&self, difference: Difference) -> u64 {
        self.counts.get(difference as usize).copied().unwrap_or_default()
    }

    /// The first thousand of each kind.
    #[must_use]
    pub fn list(&self) -> &[Finding] {
        &self.list
    }

    #[must_use]
    pub fn agree(&self) -> bool {
        self.counts.iter().all(|count| *count == 0)
    }
}
