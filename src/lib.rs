//! Watchword: an event-native auth service on NATS JetStream.
//!
//! ```text
//! HTTP route ── body parsed into domain types ── action ── limits, hashing ── Store::begin()
//!      └─ state rows + record(event) ── commit ──► wakes the relay
//!                            ledger (table `events`) ──► relay ──► JetStream `auth-events` ──► durable subscribers
//! ```
//!
//! Every action commits its event in the same transaction as its state; a relay publishes what was
//! committed. A request never waits for NATS, and no event is lost. Imports go one way, from the
//! bottom of this list to its top; `tests/it/architecture/rules.rs` has the table. Two refusals
//! carry the design: [`actions`] never imports [`jetstream`], so no action can publish by hand, and
//! [`http`] never imports [`store`], so no database row can reach the wire.

// From the bottom floor to the top. The blank lines keep rustfmt from sorting by name.
pub mod domain;

pub mod config;

pub mod telemetry;

pub mod redis_connection;

pub mod security;

pub mod limits;

pub mod store;

pub mod revocation;

pub mod jetstream;

pub mod relay;

pub mod mail;

pub mod actions;

pub mod http;

pub mod app;

pub mod cli;
