//! The committed contracts, compared with the program.

mod asyncapi;
mod openapi;
