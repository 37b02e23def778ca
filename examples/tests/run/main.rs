//! Runs every example against real servers. The tests deliver every event to an example with a
//! store a second time, which must change nothing.
#![expect(clippy::expect_used, clippy::panic, clippy::unwrap_used, reason = "a failed assertion ends a test")]

#[expect(dead_code, reason = "the tests of the subscriber kit use the rest of it")]
#[path = "../../../events/tests/support/mod.rs"]
mod support;

#[path = "../../../events/tests/support/postgres.rs"]
mod postgres;

mod example;
mod servers;

mod clickhouse_analytics;
mod dynamodb_lookup;
mod guests;
mod postgres_audit;
mod security_monitor;
mod tail;
mod tasks_service;
mod users;
mod verify_offline;
mod welcome_mailer;
