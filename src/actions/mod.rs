//! What the service does: one action a file, each with its input, its refusals and `run`.
//!
//! An action charges limits and hashes first, then opens one transaction that changes state and
//! records the event of the change, commits, and only then updates caches. It never talks to NATS:
//! the relay publishes what was committed. Actions run detached from the request
//! (`http::detached`), so that a client that hangs up cannot cut one in half.

pub mod accounts;
pub mod analytics;
mod context;
mod error;
pub mod events;
pub mod idempotency;
pub mod jobs;
pub mod mfa;
pub mod oauth;
mod one_time_codes;
pub mod passwords;
mod rate_limits;
pub mod sessions;
pub mod users;

pub use self::context::{Context, Dependencies, Services};
pub use self::error::{ActionError, Failure, FailureKind};
pub use self::sessions::token_pair::TokenPair;
pub use crate::limits::Exceeded;
