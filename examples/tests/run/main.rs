//! Every example, run as a newcomer would, against real servers. Whoever writes something somewhere gets every event
//! a second time, and nothing may change.
#![expect(
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test stops at the first thing that is not as it should be"
)]

#[expect(
    dead_code,
    reason = "shared with the tests of the subscriber kit, which need more of it"
)]
#[path = "../../../events/tests/support/mod.rs"]
mod support;

#[path = "../../../events/tests/support/postgres.rs"]
mod postgres;

mod example;
mod servers;

mod clickhouse_analytics;
mod dynamodb_lookup;
mod postgres_audit;
mod security_monitor;
mod tail;
mod tasks_service;
mod users;
mod verify_offline;
mod welcome_mailer;
