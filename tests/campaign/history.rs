//! What clients asked for, and what they were told.

use std::fmt;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::losses::Losses;
use super::support::database::LedgerRow;
use super::workload::action::Action;

/// An operation: one or more tries of the same request, in one trace.
#[derive(Clone, Debug)]
pub(crate) struct Operation {
    /// The trace id, which the events have too.
    pub(crate) trace: String,
    pub(crate) action: Action,
    /// The email address of the user that it is about.
    pub(crate) user: String,
    /// Whether an earlier operation about the user may still take effect.
    pub(crate) clouded: bool,
    pub(crate) tries: Vec<Try>,
}

/// One request. Times are since the start of the round.
#[derive(Clone, Debug)]
pub(crate) struct Try {
    pub(crate) instance: usize,
    pub(crate) sent: Duration,
    pub(crate) ended: Duration,
    pub(crate) outcome: Outcome,
}

/// What the client knows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// 2xx: it is done.
    Done,
    /// 4xx: it is refused, with the problem's code.
    Refused(u16, String),
    /// The client hung up.
    HungUp,
    /// No answer, or 503: it may be done, be done later, or never.
    Unknown(String),
}

impl Outcome {
    pub(crate) fn is_unknown(&self) -> bool {
        matches!(self, Self::HungUp | Self::Unknown(_))
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Done => f.write_str("done"),
            Self::Refused(status, code) => write!(f, "refused: {status} {code}"),
            Self::HungUp => f.write_str("unknown: hung up"),
            Self::Unknown(why) => write!(f, "unknown: {why}"),
        }
    }
}

/// What must not be.
#[derive(Clone, Debug)]
pub(crate) struct Violation {
    pub(crate) at: Duration,
    pub(crate) what: String,
    /// The users whose history explains it.
    pub(crate) users: Vec<String>,
}

/// A fault, for the transcript.
#[derive(Clone, Debug)]
pub(crate) struct Moment {
    pub(crate) at: Duration,
    pub(crate) what: String,
}

/// The history of a round.
#[derive(Debug)]
pub(crate) struct History {
    start: Instant,
    operations: Mutex<Vec<Operation>>,
    violations: Mutex<Vec<Violation>>,
    moments: Mutex<Vec<Moment>>,
    /// When the machine had no time for the campaign, and for how long.
    stalls: Mutex<Vec<(Duration, Duration)>>,
    losses: Mutex<Losses>,
}

impl History {
    pub(crate) fn begin() -> Self {
        Self {
            start: Instant::now(),
            operations: Mutex::default(),
            violations: Mutex::default(),
            moments: Mutex::default(),
            stalls: Mutex::default(),
            losses: Mutex::default(),
        }
    }

    /// Returns the time since the start.
    pub(crate) fn now(&self) -> Duration {
        self.start.elapsed()
    }

    /// Adds an operation without tries, and returns its number.
    pub(crate) fn open(&self, operation: Operation) -> usize {
        let mut operations = self.operations.lock().unwrap_or_else(PoisonError::into_inner);
        operations.push(operation);
        operations.len() - 1
    }

    /// Adds a try to an operation.
    pub(crate) fn tried(&self, number: usize, attempt: Try) {
        let mut operations = self.operations.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(operation) = operations.get_mut(number) {
            operation.tries.push(attempt);
        }
    }

    /// Notes what must not be.
    pub(crate) fn violated(&self, what: String, users: &[&str]) {
        let users = users.iter().map(|user| (*user).to_owned()).collect();
        let violation = Violation { at: self.now(), what, users };
        self.violations.lock().unwrap_or_else(PoisonError::into_inner).push(violation);
    }

    /// Notes what happens to the servers.
    pub(crate) fn note(&self, what: String) {
        let moment = Moment { at: self.now(), what };
        self.moments.lock().unwrap_or_else(PoisonError::into_inner).push(moment);
    }

    /// Notes that the machine had no time.
    pub(crate) fn stalled(&self, lasted: Duration) {
        let at = self.now();
        self.stalls.lock().unwrap_or_else(PoisonError::into_inner).push((at, lasted));
    }

    /// Returns for how long the machine had no time.
    pub(crate) fn stalls(&self, from: Duration, to: Duration) -> Duration {
        let stalls = self.stalls.lock().unwrap_or_else(PoisonError::into_inner);
        stalls
            .iter()
            .filter(|(at, lasted)| *at >= from && at.saturating_sub(*lasted) <= to)
            .map(|(_, lasted)| *lasted)
            .sum()
    }

    /// Notes a failover of PostgreSQL that has lost these rows, all of them behind `end`.
    pub(crate) fn loses(&self, rows: &[LedgerRow], end: i64) {
        let at = self.now();
        self.losses.lock().unwrap_or_else(PoisonError::into_inner).add(at, rows, end);
    }

    pub(crate) fn losses(&self) -> Losses {
        self.losses.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Returns the number of failovers that have lost commits. What clients knew before the last
    /// one may not be true any more.
    pub(crate) fn era(&self) -> usize {
        self.losses.lock().unwrap_or_else(PoisonError::into_inner).era()
    }

    pub(crate) fn operations(&self) -> Vec<Operation> {
        self.operations.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(crate) fn violations(&self) -> Vec<Violation> {
        self.violations.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Returns the history of users among what happened to the servers, in the order of time.
    pub(crate) fn transcript(&self, users: &[String]) -> String {
        let mut lines: Vec<(Duration, String)> = Vec::new();
        for moment in self.moments.lock().unwrap_or_else(PoisonError::into_inner).iter() {
            lines.push((moment.at, format!("          ** {}", moment.what)));
        }
        for operation in self.operations().iter().filter(|operation| users.contains(&operation.user)) {
            let (name, user) = (operation.action.name(), &operation.user);
            for Try { instance, sent, ended, outcome } in &operation.tries {
                let trace = operation.trace.get(..8).unwrap_or_default();
                let line = format!("-{:7.3}  {name} {user} on {instance} ({trace}…): {outcome}", ended.as_secs_f64());
                lines.push((*sent, line));
            }
        }
        lines.sort_by_key(|(at, _)| *at);
        lines.iter().map(|(at, line)| format!("{:7.3}{line}\n", at.as_secs_f64())).collect()
    }
}
