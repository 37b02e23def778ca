//! What public bug reports of systems like this are about, kind by kind, on real servers.
#![expect(clippy::indexing_slicing, reason = "a missing field of an answer is a failed test")]

mod browsers;
mod configuration;
mod cors;
mod database_addresses;
mod database_refusals;
mod env_file;
mod nats;
mod operating;
mod proxies;
mod redis;
mod requests;
mod smtp;
mod text;
mod tls;
