//! Errors of the start and of commands.

use super::account_types::AccountTypesError;
use crate::actions::Failure;
use crate::actions::register;
use crate::config::ConfigError;
use crate::jetstream::NatsError;
use crate::mail::MailError;
use crate::relay::{ReconcileError, VerifyError};
use crate::security::SecretKeyError;
use crate::security::access_token::TokenPolicyError;
use crate::security::hasher::HasherSetupError;
use crate::security::signing_keys::RotationPolicyError;
use crate::store::StoreError;
use crate::telemetry::{MetricsServerError, TelemetryError};

/// Why the service does not start, or why a command fails. Each error names the setting or the
/// part.
#[derive(Debug, thiserror::Error)]
pub enum AppError {
    /// The configuration.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// Logs or metrics.
    #[error(transparent)]
    Telemetry(#[from] TelemetryError),
    /// The metrics listener.
    #[error(transparent)]
    MetricsServer(#[from] MetricsServerError),
    /// The public listener.
    #[error("cannot listen on {address} (http.host, http.port)")]
    Listen {
        /// The configured address.
        address: std::net::SocketAddr,
        /// The system's error.
        source: std::io::Error,
    },
    /// The database.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The secret key.
    #[error(transparent)]
    SecretKey(#[from] SecretKeyError),
    /// The hashing pool.
    #[error(transparent)]
    Hasher(#[from] HasherSetupError),
    /// Access tokens.
    #[error(transparent)]
    Tokens(#[from] TokenPolicyError),
    /// Rotation of signing keys.
    #[error(transparent)]
    Rotation(#[from] RotationPolicyError),
    /// Email templates, or TLS to the mail server.
    #[error(transparent)]
    Mail(#[from] MailError),
    /// Account types and the schemas of their profiles.
    #[error(transparent)]
    AccountTypes(#[from] AccountTypesError),
    /// The URL of Redis.
    #[error("redis.url is invalid")]
    Redis(#[source] redis::RedisError),
    /// NATS and its settings.
    #[error(transparent)]
    Nats(#[from] NatsError),
    /// An instance of the service holds the lease.
    #[error(
        "an instance of the service is running and reconciles by itself at start, after every reconnect, and when the \
         stream changes; stop it to reconcile by hand"
    )]
    Led,
    /// Another replay holds the lock.
    #[error("another replay is running, here or in the service; wait for it, or interrupt it")]
    Replaying,
    /// Reconciling the ledger with the stream failed.
    #[error(transparent)]
    Reconcile(#[from] ReconcileError),
    /// Comparing the ledger with the stream failed.
    #[error(transparent)]
    Verify(#[from] VerifyError),
    /// A step of the start failed.
    #[error(transparent)]
    Action(#[from] Failure),
    /// The administrator cannot be created.
    #[error(transparent)]
    Register(#[from] register::Error),
    /// A value given on the command line.
    #[error("{what} {problem}")]
    Argument {
        /// The argument.
        what: &'static str,
        /// What is wrong with it.
        problem: String,
    },
    /// A file cannot be written.
    #[error("cannot write {path}")]
    File {
        /// The file.
        path: std::path::PathBuf,
        /// The system's error.
        source: std::io::Error,
    },
    /// A signal ended the command early.
    #[error("stopped: {0}")]
    Stopped(&'static str),
    /// A part of the service ended before the service.
    #[error("{0} ended unexpectedly")]
    Ended(&'static str),
}
