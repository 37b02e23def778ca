//! The parts of the harness of `tests/it` that the campaign uses: servers, the binary, the proxy,
//! and the invariants.

#[path = "../it/support/binary.rs"]
pub(crate) mod binary;
#[path = "../it/support/database.rs"]
pub(crate) mod database;
#[path = "../it/support/http.rs"]
pub(crate) mod http;
#[path = "../it/support/invariants.rs"]
pub(crate) mod invariants;
#[path = "../it/support/nats.rs"]
pub(crate) mod nats;
#[path = "../it/support/nats_cluster.rs"]
pub(crate) mod nats_cluster;
#[path = "../it/support/nats_users.rs"]
pub(crate) mod nats_users;
#[path = "../it/support/ports.rs"]
pub(crate) mod ports;
#[path = "../it/support/postgres.rs"]
pub(crate) mod postgres;
#[path = "../it/support/process.rs"]
pub(crate) mod process;
#[path = "../it/support/proxy.rs"]
pub(crate) mod proxy;
#[path = "../it/support/redis.rs"]
pub(crate) mod redis;
#[path = "../it/support/run_dir.rs"]
pub(crate) mod run_dir;
#[path = "../it/support/server.rs"]
pub(crate) mod server;
#[path = "../it/support/smtp.rs"]
pub(crate) mod smtp;
#[path = "../it/support/wait.rs"]
pub(crate) mod wait;
