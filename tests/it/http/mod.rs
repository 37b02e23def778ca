//! The HTTP side on its own: a small application of the service's pieces, on a real socket, spoken to in bytes.

#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a failed expectation is a failed test"
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
