//! The HTTP side of the service: the server, what surrounds every route, and the routes themselves.

pub mod api;
pub mod bearer;
pub mod client_ip;
mod compression;
pub mod cors;
pub mod cursor;
pub mod detached;
pub mod docs;
pub mod dto;
pub mod error_responses;
pub mod etag;
pub mod fields;
pub mod idempotency;
pub mod middleware;
pub mod oauth;
pub mod parameters;
pub mod payload;
pub mod problem;
pub mod rate_limit;
pub mod responses;
pub mod router;
pub mod routes;
pub mod server;
pub mod sse;
pub mod timestamp;
