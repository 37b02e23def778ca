//! What the service does: one action a file, each with its input, its errors and `run`.
//!
//! An action checks limits and hashes first, then opens one transaction that changes state and records the event of the change,
//! commits, and only then tells caches. It never talks to NATS: the relay publishes what was committed. Actions run detached
//! from the request (`http::detached`), so that a client that hangs up can't cut one in half.

pub mod account_change;
pub mod administration;
pub mod authenticate;
pub mod change_role;
pub mod change_status;
pub mod change_user;
pub mod create_admin;
pub mod create_user;
pub mod delete_account;
pub mod delete_user;
pub mod erase_accounts;
pub mod follow_events;
pub mod list_events;
pub mod list_sessions;
pub mod list_users;
pub mod login;
pub mod logout;
pub mod read_event;
pub mod read_replay;
pub mod read_user;
pub mod record_custom;
pub mod refresh;
pub mod register;
pub mod revoke_session;
pub mod revoke_user_sessions;
pub mod rotate_keys;
pub mod start_replay;
pub mod timeline;
mod tokens;
pub mod top_events;
pub mod unlock_user;
pub mod update_profile;
pub mod user_counts;

use std::sync::Arc;
use std::time::Duration;

pub use self::tokens::TokenPair;
use crate::domain::account_types::AccountTypes;
use crate::domain::clock::Clock;
use crate::domain::password::PasswordPolicy;
use crate::domain::random::Random;
use crate::domain::session::SessionPolicy;
use crate::limits::{Exceeded, Limits};
use crate::revocation::SessionGate;
use crate::security::hasher::StoredHashError;
use crate::security::{
    AccessTokens, HashError, Hasher, IssueError, RefreshTokens, RotationPolicy, SecretKey, SigningKeyError,
};
use crate::store::{Store, StoreError};

/// What actions work with.
pub struct Auth {
    /// The database.
    pub store: Store,
    /// The bounded pool that hashes passwords.
    pub hasher: Hasher,
    /// Makes and checks access tokens.
    pub access: AccessTokens,
    /// Makes and reads refresh tokens.
    pub refresh: RefreshTokens,
    /// Seals signing keys, and makes the hashes that stand for identifiers in events.
    pub secret: Arc<SecretKey>,
    /// When signing keys are replaced.
    pub rotation: RotationPolicy,
    /// Which sessions hold.
    pub gate: SessionGate,
    /// How often somebody may try.
    pub limits: Limits,
    /// What a new password has to satisfy.
    pub passwords: PasswordPolicy,
    /// The account types and roles of this deployment.
    pub accounts: AccountTypes,
    /// How long sessions live.
    pub sessions: SessionPolicy,
    /// The service's own name, which no password may be.
    pub service: String,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Randomness.
    pub random: Arc<dyn Random>,
}

/// Why an action could not be carried out although nothing is wrong with the request: trying again later may help.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// Too many tries.
    #[error("too many tries")]
    Limited(Exceeded),
    /// The hashing pool is full.
    #[error("the password hasher is busy")]
    Hasher(#[from] HashError),
    /// A stored password hash can't be read.
    #[error("a stored password hash is not usable")]
    StoredHash(#[from] StoredHashError),
    /// The database.
    #[error("the database failed")]
    Store(#[from] StoreError),
    /// A signing key can't be made or opened.
    #[error("a signing key is not usable")]
    SigningKey(#[from] SigningKeyError),
    /// No token could be made.
    #[error("no token could be made")]
    Issue(#[from] IssueError),
}

impl From<Exceeded> for Failure {
    fn from(exceeded: Exceeded) -> Self {
        Self::Limited(exceeded)
    }
}

/// What a failure asks of whoever is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Remedy {
    /// Try less often; again after so long.
    SlowDown(Duration),
    /// The service has more work than it can do; again after so long.
    ComeBack(Duration),
    /// Something that the service needs does not answer: try again.
    Retry,
    /// An operator has to mend it.
    Repair,
}

impl Failure {
    /// What to do about it.
    #[must_use]
    pub const fn remedy(&self) -> Remedy {
        match self {
            Self::Limited(exceeded) => Remedy::SlowDown(exceeded.retry_after),
            Self::Hasher(HashError::Busy { retry_after }) => Remedy::ComeBack(*retry_after),
            Self::Hasher(HashError::Stopped)
            | Self::Issue(IssueError::NoSigningKey)
            | Self::Store(StoreError::Unavailable(_)) => Remedy::Retry,
            Self::Hasher(_) | Self::StoredHash(_) | Self::Store(_) | Self::Issue(_) | Self::SigningKey(_) => {
                Remedy::Repair
            }
        }
    }
}
