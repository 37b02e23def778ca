//! The HTTP side of the service: the server, what surrounds every route, and the routes themselves.

pub mod api;
pub mod bearer;
pub mod client_ip;
pub mod detached;
pub mod docs;
pub mod etag;
pub mod middleware;
pub mod payload;
pub mod problem;
pub mod query;
pub mod routes;
pub mod server;
pub mod site;
pub mod specification;
pub mod streams;
