//! The documents that describe the service: the OpenAPI specification, and the pages that show it.

mod complete;
pub mod page;
pub mod specification;
