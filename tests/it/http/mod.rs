//! The HTTP side on its own: a small application of the service's pieces, on a real socket, spoken to in bytes.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test says what it expects by panicking"
)]

mod api;
mod bearer;
mod client_ip;
mod connections;
mod detached;
mod http2;
mod problems;
mod raw;
mod request_context;
mod specification;
mod strict_json;
