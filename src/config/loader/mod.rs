//! Reading the sources: which keys exist, how their values are parsed, checked and redacted.

pub(in crate::config) mod checks;
pub mod docs;
mod env;
mod env_file;
mod error;
mod keys;
mod load;
mod near_miss;
pub(in crate::config) mod parse;
pub(in crate::config) mod redact;

use super::Settings;

pub(in crate::config) use self::error::Problems;
pub use self::{
    env::SHORT_NAMES,
    env_file::EnvFile,
    error::{ConfigError, Problem, RefusedLine},
    keys::DEFAULTS,
};
