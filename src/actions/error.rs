//! Why an action did not succeed: a fact about the request, or a failure of what the service needs.

use std::time::Duration;

use crate::limits::Exceeded;
use crate::security::hasher::StoredHashError;
use crate::security::{EmailSealError, HashError, IssueError, SecretKeyError, SigningKeyError, TotpSetupError};
use crate::store::StoreError;

/// Why an action did not succeed. `R` lists the facts that it can refuse a request for.
#[derive(Debug, thiserror::Error)]
pub enum ActionError<R> {
    #[error(transparent)]
    Refused(R),
    #[error(transparent)]
    Failure(Failure),
}

impl<R, E> From<E> for ActionError<R>
where
    Failure: From<E>,
{
    fn from(error: E) -> Self {
        Self::Failure(error.into())
    }
}

/// The error of an action that another one builds on.
pub(super) fn widen<R, S: From<R>>(error: ActionError<R>) -> ActionError<S> {
    match error {
        ActionError::Refused(refusal) => ActionError::Refused(refusal.into()),
        ActionError::Failure(failure) => ActionError::Failure(failure),
    }
}

/// Nothing is wrong with the request; trying again later may help.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    #[error("rate limit exceeded")]
    Limited(Exceeded),
    #[error("the password hasher is busy")]
    Hasher(#[from] HashError),
    #[error("a stored password hash is not readable")]
    StoredHash(#[from] StoredHashError),
    #[error("the database failed")]
    Store(#[from] StoreError),
    #[error("a signing key is not usable")]
    SigningKey(#[from] SigningKeyError),
    #[error("no token could be issued")]
    Issue(#[from] IssueError),
    #[error("a second factor is not usable")]
    SecretKey(#[from] SecretKeyError),
    #[error("no authenticator can be set up")]
    Totp(#[from] TotpSetupError),
    #[error("an email could not be encrypted")]
    EmailMessage(#[from] EmailSealError),
}

impl From<Exceeded> for Failure {
    fn from(exceeded: Exceeded) -> Self {
        Self::Limited(exceeded)
    }
}

/// What a failure asks of the client or the operator.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FailureKind {
    /// Send fewer requests.
    RateLimited(Exceeded),
    /// The service is at its capacity; retry after this time.
    Overloaded(Duration),
    /// Something that the service needs does not answer; retry.
    Unavailable,
    /// An operator has to act.
    Internal,
}

impl Failure {
    #[must_use]
    pub const fn kind(&self) -> FailureKind {
        match self {
            Self::Limited(exceeded) => FailureKind::RateLimited(*exceeded),
            Self::Hasher(HashError::Busy { retry_after }) => FailureKind::Overloaded(*retry_after),
            Self::Hasher(HashError::Stopped)
            | Self::Issue(IssueError::NoSigningKey)
            | Self::Store(StoreError::Unavailable(_)) => FailureKind::Unavailable,
            Self::Hasher(_)
            | Self::StoredHash(_)
            | Self::Store(_)
            | Self::Issue(_)
            | Self::SigningKey(_)
            | Self::SecretKey(_)
            | Self::Totp(_)
            | Self::EmailMessage(_) => FailureKind::Internal,
        }
    }
}
