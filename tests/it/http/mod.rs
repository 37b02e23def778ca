//! The HTTP layer alone: a small application of the service's parts on a real socket.

#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a failed assertion ends a test"
)]

mod api;
mod bearer;
mod client_ip;
mod compression;
mod connections;
mod detached;
mod http2;
mod pages;
mod problems;
mod raw;
mod request_context;
mod specification;
mod strict_json;
