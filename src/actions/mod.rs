//! What the service does: one action a file, each with its input, its errors and `run`.
//!
//! An action checks limits and hashes first, then opens one transaction that changes state and records the event of the change,
//! commits, and only then tells caches. It never talks to NATS: the relay publishes what was committed. Actions run detached
//! from the request (`http::detached`), so that a client that hangs up can't cut one in half.

pub mod account_change;
pub mod administration;
mod attempts;
pub mod authenticate;
mod challenge;
pub mod change_password;
pub mod change_role;
pub mod change_status;
pub mod change_user;
mod codes;
pub mod confirm_password;
pub mod confirm_totp;
pub mod create_admin;
pub mod create_user;
pub mod delete_account;
pub mod delete_user;
pub mod enrol_totp;
pub mod erase_accounts;
pub mod follow_events;
pub mod forgot_password;
pub mod idempotency;
pub mod introspect;
pub mod list_events;
pub mod list_sessions;
pub mod list_users;
pub mod login;
pub mod logout;
mod open_session;
mod own_words;
pub mod read_event;
pub mod read_factors;
pub mod read_replay;
pub mod read_user;
pub mod record_custom;
pub mod record_refusals;
pub mod recovery_codes;
pub mod refresh;
pub mod register;
mod register_again;
pub mod remove_totp;
pub mod remove_user_mfa;
pub mod resend_verification;
pub mod reset_password;
pub mod revoke_session;
pub mod revoke_token;
pub mod revoke_user_sessions;
pub mod rotate_keys;
pub mod start_replay;
pub mod timeline;
mod tokens;
pub mod top_events;
pub mod unlock_user;
pub mod user_counts;
pub mod verify_email;
pub mod verify_mfa;

use std::sync::Arc;
use std::time::Duration;

pub use self::tokens::TokenPair;
use crate::domain::account_types::AccountTypes;
use crate::domain::clock::Clock;
use crate::domain::letter::MailPolicy;
use crate::domain::password::PasswordPolicy;
use crate::domain::random::Random;
use crate::domain::second_factor::SecondFactorPolicy;
use crate::domain::session::SessionPolicy;
pub use crate::limits::Exceeded;
use crate::limits::Limits;
use crate::revocation::SessionCache;
use crate::security::hasher::StoredHashError;
use crate::security::{
    AccessTokens, Clients, EmailSealError, HashError, Hasher, IssueError, LoginChallenges, OneTimeCodeMac,
    RefreshTokens, RotationPolicy, SecretKey, SecretKeyError, SigningKeyError, TotpSetupError,
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
    /// Which services may ask about tokens.
    pub clients: Clients,
    /// Seals signing keys, and makes the hashes that stand for identifiers in events.
    pub secret: Arc<SecretKey>,
    /// When signing keys are replaced.
    pub rotation: RotationPolicy,
    /// Which sessions hold.
    pub gate: SessionCache,
    /// How often somebody may try.
    pub limits: Limits,
    /// Which requests with a key are being carried out.
    pub idempotency: idempotency::Idempotency,
    /// What a new password has to satisfy.
    pub passwords: PasswordPolicy,
    /// Recognises mailed codes.
    pub codes: OneTimeCodeMac,
    /// Whether mails reach anybody.
    pub mail: MailPolicy,
    /// Makes and recognises the tokens of logins that lack the second factor.
    pub challenges: LoginChallenges,
    /// What second factors are like.
    pub second_factors: SecondFactorPolicy,
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
    /// A seed can't be sealed or opened, or a code not be hashed.
    #[error("a second factor is not usable")]
    SecretKey(#[from] SecretKeyError),
    /// An authenticator can't be set up.
    #[error("no authenticator can be set up")]
    Totp(#[from] TotpSetupError),
    /// A mail can't be sealed.
    #[error("a mail could not be sealed")]
    Letter(#[from] EmailSealError),
}

impl From<Exceeded> for Failure {
    fn from(exceeded: Exceeded) -> Self {
        Self::Limited(exceeded)
    }
}

/// What a failure asks of whoever is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Remedy {
    /// Try less often.
    SlowDown(Exceeded),
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
            Self::Limited(exceeded) => Remedy::SlowDown(*exceeded),
            Self::Hasher(HashError::Busy { retry_after }) => Remedy::ComeBack(*retry_after),
            Self::Hasher(HashError::Stopped)
            | Self::Issue(IssueError::NoSigningKey)
            | Self::Store(StoreError::Unavailable(_)) => Remedy::Retry,
            Self::Hasher(_)
            | Self::StoredHash(_)
            | Self::Store(_)
            | Self::Issue(_)
            | Self::SigningKey(_)
            | Self::SecretKey(_)
            | Self::Totp(_)
            | Self::Letter(_) => Remedy::Repair,
        }
    }
}
