//! Errors of the start and of commands.

use std::fmt::Display;

use super::account_types::AccountTypesError;
use crate::actions::accounts::registration;
use crate::actions::users::break_glass;
use crate::actions::{ActionError, Failure};
use crate::config::ConfigError;
use crate::http::server::TlsError;
use crate::jetstream::NatsError;
use crate::mail::MailError;
use crate::redis_connection::RedisProblem;
use crate::relay::{AdoptError, VerifyError};
use crate::security::access_token::TokenPolicyError;
use crate::security::hasher::HasherSetupError;
use crate::security::signing_keys::RotationPolicyError;
use crate::security::{SecretKeyError, SecretKeyLoadError};
use crate::store::{OpenError, StoreError};
use crate::telemetry::{MetricsServerError, TelemetryError};

#[derive(Debug, thiserror::Error)]
pub enum AppError {
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The values are valid, and the parts that they describe cannot be used.
    #[error("the configuration cannot be used:{}", list(.0))]
    Unusable(Vec<String>),
    #[error(transparent)]
    Telemetry(#[from] TelemetryError),
    #[error(transparent)]
    MetricsServer(#[from] MetricsServerError),
    #[error("cannot listen on {address} (http.host, http.port)")]
    Listen {
        address: std::net::SocketAddr,
        source: std::io::Error,
    },
    #[error(transparent)]
    Tls(#[from] TlsError),
    #[error(transparent)]
    Open(#[from] OpenError),
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    SecretKeyLoad(#[from] SecretKeyLoadError),
    #[error(transparent)]
    SecretKey(#[from] SecretKeyError),
    #[error(transparent)]
    Hasher(#[from] HasherSetupError),
    #[error(transparent)]
    Tokens(#[from] TokenPolicyError),
    #[error(transparent)]
    Rotation(#[from] RotationPolicyError),
    #[error(transparent)]
    Mail(#[from] MailError),
    #[error(transparent)]
    AccountTypes(#[from] AccountTypesError),
    #[error("redis cannot be used")]
    Redis(#[from] RedisProblem),
    #[error(transparent)]
    Nats(#[from] NatsError),
    /// An instance of the service is the leader.
    #[error("an instance of the service is running; stop all instances first")]
    Led,
    /// Another replay holds the lock.
    #[error("another replay is running, here or in the service; wait for it, or interrupt it")]
    Replaying,
    #[error(transparent)]
    Verify(#[from] VerifyError),
    #[error(transparent)]
    Adopt(#[from] AdoptError),
    #[error(transparent)]
    Action(#[from] Failure),
    #[error(transparent)]
    Registration(registration::Refusal),
    #[error(transparent)]
    User(break_glass::Refusal),
    #[error("{what} {problem}")]
    Argument { what: &'static str, problem: String },
    #[error("cannot write {path}")]
    File {
        path: std::path::PathBuf,
        source: std::io::Error,
    },
    /// A signal ended the command early.
    #[error("stopped: {0}")]
    Stopped(&'static str),
    #[error("{0} ended unexpectedly")]
    Ended(&'static str),
}

/// One problem on the same line, several on lines of their own.
fn list(problems: &[String]) -> String {
    match problems {
        [problem] => format!(" {problem}"),
        problems => problems.iter().map(|problem| format!("\n  {problem}")).collect(),
    }
}

impl AppError {
    /// What is wrong with `what` the operator gave.
    pub(crate) fn argument(what: &'static str, problem: impl Display) -> Self {
        Self::Argument { what, problem: problem.to_string() }
    }

    /// Whether another process or existing data does not allow the command.
    #[must_use]
    pub const fn is_refused(&self) -> bool {
        matches!(
            self,
            Self::Led | Self::Replaying | Self::Registration(_) | Self::User(_) | Self::Open(OpenError::InUse(_))
        )
    }
}

impl From<ActionError<registration::Refusal>> for AppError {
    fn from(error: ActionError<registration::Refusal>) -> Self {
        match error {
            ActionError::Refused(refusal) => Self::Registration(refusal),
            ActionError::Failure(failure) => Self::Action(failure),
        }
    }
}

impl From<ActionError<break_glass::Refusal>> for AppError {
    fn from(error: ActionError<break_glass::Refusal>) -> Self {
        match error {
            ActionError::Refused(refusal) => Self::User(refusal),
            ActionError::Failure(failure) => Self::Action(failure),
        }
    }
}
