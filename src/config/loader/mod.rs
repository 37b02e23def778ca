//! Reading the sources: which keys exist, how their values are parsed, checked and redacted.

pub(in crate::config) mod checks;
pub mod docs;
mod env;
mod error;
mod keys;
mod load;
pub(in crate::config) mod parse;
pub(in crate::config) mod redact;

use super::Settings;

pub(in crate::config) use self::error::Problems;
pub use self::{
    env::SHORT_NAMES,
    error::{ConfigError, Problem},
    keys::DEFAULTS,
};
