//! Operation × outcome: the events that every operation records for each outcome in the OpenAPI
//! document.
//!
//! For a new route, `every_outcome_has_a_row` fails and names the missing rows. Add them to the
//! file of the resource (list a new file in `table`): the request, the outcome, and the events with
//! the fields that matter. `shared` triggers the outcomes that all routes share, such as a
//! malformed body or no token.
#![expect(clippy::indexing_slicing, reason = "a missing field of the document is a failed test")]

mod account;
pub(crate) mod document;
mod events;
mod fixture;
mod mail;
mod mfa;
mod oauth;
mod replays;
mod service;
mod sessions;
mod shared;
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
use fixture::{Fixture, Observed};

flow_tests! {
    every_documented_outcome_records_its_events,
}

/// Outcomes of a failure of the service or the connection, with the tests that cause them. An
/// operation that does not commit records no event.
const FAULTS: [(&str, &str); 7] = [
    ("400 bad_request", "http::connections, flows::service::problems"),
    ("408 request_timeout", "http::connections"),
    ("409 request_in_flight", "flows::accounts::idempotency"),
    ("500 internal_error", "http::detached, http::problems"),
    ("503 overloaded", "security::hasher_overload, flows::limits::requests"),
    ("503 service_unavailable", "flows::service::crashes, flows::service::problems"),
    ("503 deadline_exceeded", "http::connections"),
];

/// Run an operation. Return the outcome and the events.
type Act = for<'a> fn(&'a Fixture) -> Pin<Box<dyn Future<Output = Observed> + 'a>>;

/// One outcome of one operation.
struct Row {
    operation: &'static str,
    /// The status, and for a refusal the problem's code: `409 email_taken`.
    outcome: &'static str,
    /// Distinguishes rows with the same outcome.
    note: &'static str,
    /// The names of the events, and the expected fields of their `data`.
    events: Vec<(&'static str, Value)>,
    act: Act,
}

/// `"operation" "outcome" "note" => ["event" {data}] |app| { … }` for each row.
macro_rules! rows {
    ($($operation:literal $outcome:literal $note:literal => [$($event:literal $data:tt),*] |$app:ident| $act:block)+) => {
        vec![$($crate::coverage::Row {
            operation: $operation,
            outcome: $outcome,
            note: $note,
            events: vec![$(($event, serde_json::json!($data))),*],
            act: |$app| Box::pin(async move { $act }),
        }),+]
    };
}
use rows;

/// All rows, except the outcomes in `shared`.
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
        .flat_map(|operation| operation.outcomes.iter().map(|outcome| (operation.id.as_str(), outcome.as_str())))
        .filter(|(_, outcome)| !is_fault(outcome))
        .collect();
    let table = table();
    let in_table = table.iter().map(|row| (row.operation, row.outcome));
    let shared = operations
        .iter()
        .flat_map(|operation| shared::triggerable(operation).map(|outcome| (operation.id.as_str(), outcome)));
    let covered: BTreeSet<(&str, &str)> = in_table.chain(shared).collect();
    let missing: Vec<_> = documented.difference(&covered).collect();
    assert!(missing.is_empty(), "tests/it/coverage has no row for {missing:#?}");
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
            "{}: the recorded events, and the events that the description names",
            operation.id
        );
    }
}

async fn every_documented_outcome_records_its_events(backend: Backend) {
    // Some outcomes need special settings.
    let app = Fixture::new(backend).await;
    let (limited, without_options) = (Fixture::limited(backend).await, Fixture::without_options(backend).await);
    let mut failures = Vec::new();
    let mut problems = BTreeMap::new();
    for row in table() {
        let row_fixture = match row.outcome.get(..3) {
            Some("429") => {
                limited.wait_for_quota().await;
                &limited
            }
            Some("501") => &without_options,
            _ => &app,
        };
        let observed = (row.act)(row_fixture).await;
        if let Some((code, body)) = observed.problem() {
            problems.entry(code).or_insert(body);
        }
        let name = format!("{} {} ({})", row.operation, row.outcome, row.note);
        failures.extend(
            observed
                .differences(row.outcome, &row.events)
                .map(|difference| format!("{name}: {difference}")),
        );
    }
    for operation in operations() {
        for outcome in shared::triggerable(&operation) {
            let observed = shared::trigger(&app, &operation, outcome).await;
            if let Some((code, body)) = observed.problem() {
                problems.entry(code).or_insert(body);
            }
            let name = format!("{} {outcome}", operation.id);
            failures.extend(observed.differences(outcome, &[]).map(|difference| format!("{name}: {difference}")));
        }
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
    for app in [app, limited, without_options] {
        app.finish().await;
    }
    problems.values().for_each(assert_problem);
}
