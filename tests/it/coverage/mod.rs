//! Route × outcome: what every operation of the OpenAPI document records when it ends in each way the document names.
//!
//! A new route makes `every_outcome_has_a_row` fail and say which rows are missing. Add them to the file of its resource here
//! (or a new one, listed in `table`): what to do, how it ends, and the events, with the fields that matter. The ways that all
//! routes share, such as a broken body or no token, are provoked from the document alone, in `shared`.
#![expect(clippy::indexing_slicing, reason = "a missing field of the document is a failed test")]

mod account;
pub(crate) mod document;
mod events;
mod mail;
mod mfa;
mod oauth;
mod replays;
mod service;
mod sessions;
mod shared;
mod stage;
mod tokens;
mod user_rights;
mod users;

use std::collections::{BTreeMap, BTreeSet};
use std::pin::Pin;

use serde_json::Value;

use crate::support::database::Backend;
use crate::support::flow_tests;
use crate::texts::assert_problem;
use document::operations;
use stage::{Observed, Stage};

flow_tests! {
    every_documented_outcome_records_its_events,
}

/// Outcomes in which the service, or the connection, has failed: nothing is promised, and what does not commit records nothing.
/// The tests named here bring them about.
const FAULTS: [(&str, &str); 7] = [
    ("400 bad_request", "http::connections, flows::service::problems"),
    ("408 request_timeout", "http::connections"),
    ("409 request_in_flight", "flows::accounts::idempotency"),
    ("500 internal_error", "http::detached, http::problems"),
    ("503 overloaded", "security::hasher_overload, flows::limits::requests"),
    (
        "503 service_unavailable",
        "flows::service::crashes, flows::service::problems",
    ),
    ("503 deadline_exceeded", "http::connections"),
];

/// Does something and says what came of it.
type Act = for<'a> fn(&'a Stage) -> Pin<Box<dyn Future<Output = Observed> + 'a>>;

/// One way in which one operation ends.
struct Row {
    operation: &'static str,
    /// The status, and for a refusal the problem's code: `409 email_taken`.
    outcome: &'static str,
    /// Tells apart rows with the same outcome.
    note: &'static str,
    /// The events' names, and what has to stand in their `data`.
    events: Vec<(&'static str, Value)>,
    act: Act,
}

/// `"operation" "outcome" "note" => ["event" {data}] |stage| { … }` for each row.
macro_rules! rows {
    ($($operation:literal $outcome:literal $note:literal => [$($event:literal $data:tt),*] |$stage:ident| $act:block)+) => {
        vec![$($crate::coverage::Row {
            operation: $operation,
            outcome: $outcome,
            note: $note,
            events: vec![$(($event, serde_json::json!($data))),*],
            act: |$stage| Box::pin(async move { $act }),
        }),+]
    };
}
use rows;

/// Every row that is written by hand.
fn table() -> Vec<Row> {
    let resources = [
        account::rows(),
        tokens::rows(),
        sessions::rows(),
        events::rows(),
        mail::rows(),
        mfa::rows(),
        replays::rows(),
        oauth::rows(),
        service::rows(),
        users::rows(),
        user_rights::rows(),
    ];
    resources.into_iter().flatten().collect()
}

#[test]
fn every_outcome_has_a_row() {
    let is_fault = |outcome: &str| FAULTS.iter().any(|(fault, _)| *fault == outcome);
    let operations = operations();
    let documented: BTreeSet<(&str, &str)> = operations
        .iter()
        .flat_map(|operation| {
            operation
                .outcomes
                .iter()
                .map(|outcome| (operation.id.as_str(), outcome.as_str()))
        })
        .filter(|(_, outcome)| !is_fault(outcome))
        .collect();
    let table = table();
    let by_hand = table.iter().map(|row| (row.operation, row.outcome));
    let shared = operations
        .iter()
        .flat_map(|operation| shared::provocable(operation).map(|outcome| (operation.id.as_str(), outcome)));
    let covered: BTreeSet<(&str, &str)> = by_hand.chain(shared).collect();
    let missing: Vec<_> = documented.difference(&covered).collect();
    assert!(missing.is_empty(), "no row in tests/it/coverage for {missing:#?}");
    let unknown: Vec<_> = covered.difference(&documented).collect();
    assert!(unknown.is_empty(), "the OpenAPI document does not name {unknown:#?}");
}

#[test]
fn the_document_names_the_events_that_are_recorded() {
    let table = table();
    for operation in operations() {
        let rows = table.iter().filter(|row| row.operation == operation.id);
        let recorded: BTreeSet<&str> = rows.flat_map(|row| row.events.iter().map(|(name, _)| *name)).collect();
        let named: BTreeSet<&str> = operation.events.iter().map(String::as_str).collect();
        assert_eq!(
            recorded, named,
            "{}: recorded, and named by its description",
            operation.id
        );
    }
}

async fn every_documented_outcome_records_its_events(backend: Backend) {
    // Some outcomes need an application that is set up for them.
    let stage = Stage::new(backend).await;
    let (limited, without_mail) = (Stage::limited(backend).await, Stage::without_mail(backend).await);
    let mut failures = Vec::new();
    let mut problems = BTreeMap::new();
    for row in table() {
        let of_row = match row.outcome.get(..3) {
            Some("429") => {
                limited.rest().await;
                &limited
            }
            Some("501") => &without_mail,
            _ => &stage,
        };
        let observed = (row.act)(of_row).await;
        if let Some((code, body)) = observed.problem() {
            problems.entry(code).or_insert(body);
        }
        let name = format!("{} {} ({})", row.operation, row.outcome, row.note);
        failures.extend(
            observed
                .differences(row.outcome, &row.events)
                .map(|what| format!("{name}: {what}")),
        );
    }
    for operation in operations() {
        for outcome in shared::provocable(&operation) {
            let observed = shared::provoke(&stage, &operation, outcome).await;
            if let Some((code, body)) = observed.problem() {
                problems.entry(code).or_insert(body);
            }
            let name = format!("{} {outcome}", operation.id);
            failures.extend(observed.differences(outcome, &[]).map(|what| format!("{name}: {what}")));
        }
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
    for stage in [stage, limited, without_mail] {
        stage.finish().await;
    }
    problems.values().for_each(assert_problem);
}
