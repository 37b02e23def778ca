//! The invariants between the ledger and the stream, which hold after every fault.

use std::collections::{BTreeMap, BTreeSet};

use super::database::LedgerRow;
use super::nats::StreamMessage;

/// Returns every difference between the ledger and the stream: lost, phantom, duplicate, altered
/// and reordered events. A message is an event of the ledger if it has the event's id. The stream
/// may hold nothing else.
pub(crate) fn differences(ledger: &[LedgerRow], stream: &[StreamMessage]) -> Vec<String> {
    differences_where(ledger, stream, |_| true)
}

/// Like [`differences`], with a stream that takes only some events.
pub(crate) fn differences_where(
    ledger: &[LedgerRow],
    stream: &[StreamMessage],
    takes: impl Fn(&LedgerRow) -> bool,
) -> Vec<String> {
    let mut found = Vec::new();
    let rows: BTreeMap<String, &LedgerRow> = ledger.iter().map(|row| (row.id.to_string(), row)).collect();
    let mut seen = BTreeSet::new();
    let mut last_seq_of_user = BTreeMap::new();
    let mut last_seq = 0;

    for message in stream {
        let at = message.seq;
        let Some(id) = message.header("Nats-Msg-Id") else {
            found.push(format!("message {at} has no Nats-Msg-Id"));
            continue;
        };
        let Some(row) = rows.get(id) else {
            found.push(format!("phantom: message {at} ({}, {id}) is not in the ledger", message.subject));
            continue;
        };
        if !seen.insert(id.to_owned()) {
            found.push(format!("duplicate: message {at} ({}, {id}) is in the stream already", message.subject));
            continue;
        }
        if row.seq <= last_seq {
            found.push(format!("order: row {} at message {at} is behind row {last_seq}", row.seq));
        }
        last_seq = row.seq;
        if message.bytes != row.payload || message.subject != row.subject {
            found.push(format!("altered: message {at} ({id}) differs from row {}", row.seq));
        }
        if let (Some(user), Some(user_seq)) = (row.user_id, row.user_seq) {
            let before = last_seq_of_user.insert(user, user_seq).unwrap_or(0);
            if user_seq != before + 1 {
                found.push(format!("order: user {user} goes from {before} to {user_seq} at message {at}"));
            }
        }
    }
    for row in ledger {
        if takes(row) && !seen.contains(&row.id.to_string()) {
            found.push(format!("lost: row {} ({}, {}) is not in the stream", row.seq, row.subject, row.id));
        }
    }
    found
}
