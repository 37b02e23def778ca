//! What has to be true of a database before the service uses it, and what to do where it is not.

mod connect_error;
mod error;
mod privileges;
mod server;

pub use self::error::OpenError;
