//! The contract without a network: bytes, schemas, generated files, headers, personal data.
#![expect(
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test stops at the first thing that is not as it should be"
)]

mod decoding;
mod generated;
mod golden;
mod headers;
mod personal_data;
mod trace;

use watchword_events::{Event, EventKind};

fn example(kind: EventKind) -> Event {
    kind.definition().example()
}

fn body(kind: EventKind) -> String {
    String::from_utf8(example(kind).to_json().unwrap()).unwrap()
}
