//! The documents of the event contract, made from the catalogue of `watchword-events`: an AsyncAPI
//! document, TypeScript types, Markdown and a web page; and how a schema may change. The service
//! and its build use them. Subscribers need only `watchword-events`.

#![warn(missing_docs)]

mod deployment;

pub mod asyncapi;
pub mod compatibility;
pub mod docs;
pub mod typescript;

pub use deployment::Deployment;
