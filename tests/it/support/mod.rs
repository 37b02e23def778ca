//! The test harness: real servers as child processes, the production application on port 0, and
//! ways to break both.
//!
//! A test starts with `TestApp::spawn(backend)`, sends HTTP requests, reads the events from the
//! stream, and ends with `app.finish()`, which checks that the ledger is drained and agrees with
//! the stream. No test sleeps for a fixed time: [`wait::eventually`] polls a condition until a
//! deadline.

pub(crate) mod app;
pub(crate) mod binary;
pub(crate) mod clock;
pub(crate) mod database;
pub(crate) mod http;
pub(crate) mod invariants;
pub(crate) mod names;
pub(crate) mod nats;
pub(crate) mod nats_cluster;
pub(crate) mod nats_users;
pub(crate) mod oauth;
pub(crate) mod pgbouncer;
pub(crate) mod plans;
pub(crate) mod ports;
pub(crate) mod postgres;
pub(crate) mod process;
pub(crate) mod proxy;
pub(crate) mod raw;
pub(crate) mod redis;
pub(crate) mod row_lock;
pub(crate) mod run_dir;
pub(crate) mod server;
pub(crate) mod smtp;
pub(crate) mod smtp_quirks;
pub(crate) mod sse;
pub(crate) mod timing;
pub(crate) mod wait;
pub(crate) mod web_proxy;

/// Runs each function on SQLite, and on PostgreSQL with Redis: `NAME` becomes the tests
/// `NAME::sqlite` and `NAME::postgres`. Each function is an `async fn(Backend)` in the same module.
/// The compiler reports a function that is missing in the list.
macro_rules! flow_tests {
    ($($test:ident),+ $(,)?) => {
        $(mod $test {
            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn sqlite() {
                super::$test($crate::support::database::Backend::Sqlite).await;
            }

            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn postgres() {
                super::$test($crate::support::database::Backend::Postgres).await;
            }
        })+
    };
}
pub(crate) use flow_tests;
