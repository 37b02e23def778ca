//! The history against the ledger: each event belongs to a request, and each request that was
//! answered has exactly its events.

use std::collections::BTreeMap;

use serde_json::Value;
use uuid::Uuid;

use crate::history::{History, Operation, Outcome};
use crate::losses::Losses;
use crate::support::database::LedgerRow;
use crate::workload::action::Action;
use crate::workload::readers::Seen;

/// An event of the ledger.
#[derive(Clone, Debug)]
pub(crate) struct Event {
    pub(crate) seq: i64,
    /// Without `auth.user.`; of a custom event, the subject.
    pub(crate) name: String,
    pub(crate) user: Option<Uuid>,
    pub(crate) user_seq: Option<i64>,
    pub(crate) trace: String,
    pub(crate) data: Value,
}

/// Reads the events of the ledger.
pub(crate) fn events(rows: &[LedgerRow]) -> Vec<Event> {
    rows.iter()
        .map(|row| {
            let mut payload: Value = serde_json::from_slice(&row.payload).unwrap_or_default();
            let traceparent = payload.pointer("/metadata/traceparent").and_then(Value::as_str).unwrap_or_default();
            Event {
                seq: row.seq,
                name: row.subject.trim_start_matches("auth.user.").to_owned(),
                user: row.user_id,
                user_seq: row.user_seq,
                trace: traceparent.split('-').nth(1).unwrap_or_default().to_owned(),
                data: payload.get_mut("data").map(Value::take).unwrap_or_default(),
            }
        })
        .collect()
}

/// Checks each operation and each event.
pub(super) fn check(events: &[Event], history: &History) {
    let mut by_trace: BTreeMap<&str, Vec<&Event>> = BTreeMap::new();
    for event in events {
        by_trace.entry(&event.trace).or_default().push(event);
    }
    let losses = history.losses();
    for mut operation in history.operations() {
        operation.clouded |= spans_a_failover(&operation, &losses);
        let recorded = by_trace.remove(operation.trace.as_str()).unwrap_or_default();
        let names: Vec<&str> = recorded.iter().map(|event| event.name.as_str()).collect();
        for wrong in wrongs(&operation, &names, losses.has_trace(&operation.trace)) {
            let trace = operation.trace.get(..8).unwrap_or_default();
            let what = format!("{} ({trace}…) {wrong}; events: {names:?}", operation.action.name());
            history.violated(what, &[&operation.user]);
        }
    }
    for (trace, events) in by_trace {
        let names: Vec<&str> = events.iter().map(|event| event.name.as_str()).collect();
        let seq = events.first().map(|event| event.seq);
        history.violated(format!("events without a request: {names:?} (row {seq:?}, trace {trace})"), &[]);
    }
}

fn spans_a_failover(operation: &Operation, losses: &Losses) -> bool {
    match (operation.tries.first(), operation.tries.last()) {
        (Some(first), Some(last)) => losses.is_between(first.sent, last.ended),
        _ => false,
    }
}

/// Checks that a reader has seen every event.
pub(super) fn check_seen(rows: &[LedgerRow], seen: &Seen, history: &History) {
    let losses = history.losses();
    let is_missed = |row: &&LedgerRow| !seen.events.contains(&row.id) && !losses.excuses_reader(row.seq);
    let missed: Vec<i64> = rows.iter().filter(is_missed).map(|row| row.seq).collect();
    if let Some(first) = missed.first() {
        let what = format!(
            "the reader of instance {} missed {} events, the first of them in row {first}",
            seen.instance,
            missed.len()
        );
        history.violated(what, &[]);
    }
}

/// Returns what is wrong with the events of an operation. Of one with lost events, some may have
/// come back, and others be recorded again.
fn wrongs(operation: &Operation, names: &[&str], is_lost: bool) -> Vec<String> {
    let expected = operation.action.events();
    let tries = |is: &dyn Fn(&Outcome) -> bool| operation.tries.iter().filter(|attempt| is(&attempt.outcome)).count();
    let done = tries(&|outcome| *outcome == Outcome::Done);
    let unknown = tries(&Outcome::is_unknown);
    let refused = tries(&|outcome| operation.action.records_refusal(outcome));
    let recorded = |name: &str| names.iter().filter(|other| **other == name).count();
    let mut wrongs = Vec::new();

    if let Some(name) = expected.done.filter(|_| !is_lost) {
        let count = recorded(name);
        let most = match expected.is_once {
            true => 1,
            false => done + unknown,
        };
        if done > 0 && count == 0 && (expected.is_always || !operation.clouded) {
            wrongs.push(format!("was answered, and has no {name}"));
        }
        if count > most.min(done + unknown) {
            wrongs.push(format!("has {name} {count} times"));
        }
        if !expected.is_once && expected.is_always && count < done {
            wrongs.push(format!("was answered {done} times, and has {name} {count} times"));
        }
    }
    if let Some(name) = expected.with.filter(|_| !is_lost)
        && recorded(name) != expected.done.map_or(0, recorded)
    {
        wrongs.push(format!("has {name} without the other event"));
    }
    if let Some(name) = expected.refused.filter(|_| !is_lost) {
        let count = recorded(name);
        if count < refused || count > refused + unknown {
            wrongs.push(format!("was refused {refused} times, and has {name} {count} times"));
        }
    }
    let may_be = |name: &str| {
        [expected.done, expected.with, expected.refused].contains(&Some(name))
            || (operation.clouded || unknown > 0) && expected.clouded.contains(&name)
            // A failover has lost the end of the session.
            || operation.clouded
                && operation.action == Action::RefreshEndedSession
                && ["token_refreshed", "token_reuse_detected"].contains(&name)
    };
    wrongs.extend(names.iter().filter(|name| !may_be(name)).map(|name| format!("has {name}")));
    wrongs
}
