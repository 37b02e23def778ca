//! Why the service does not start, or a command fails.

use super::account_types::AccountTypesError;
use crate::actions::Failure;
use crate::actions::accounts::register;
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

/// Why the service does not start, or a command fails. Each says what to look at.
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
        /// What the system said.
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
    /// Templates, or TLS towards the mail server.
    #[error(transparent)]
    Mail(#[from] MailError),
    /// Account types and the schemas of their profiles.
    #[error(transparent)]
    AccountTypes(#[from] AccountTypesError),
    /// Redis' address.
    #[error("redis.url cannot be used")]
    Redis(#[source] redis::RedisError),
    /// NATS' settings.
    #[error(transparent)]
    Nats(#[from] NatsError),
    /// An instance of the service leads.
    #[error(
        "an instance of the service runs, and reconciles by itself: at its start, after every reconnect, and when the stream \
         changes; stop it first to reconcile by hand"
    )]
    Led,
    /// Another replay has the lock.
    #[error("another replay runs, here or in the service: wait for it, or interrupt it")]
    Replaying,
    /// The ledger and the stream could not be made to agree.
    #[error(transparent)]
    Reconcile(#[from] ReconcileError),
    /// The ledger and the stream could not be compared.
    #[error(transparent)]
    Verify(#[from] VerifyError),
    /// The start needed something that failed.
    #[error(transparent)]
    Action(#[from] Failure),
    /// The administrator can't be made.
    #[error(transparent)]
    Register(#[from] register::Error),
    /// A value given on the command line.
    #[error("{what} {problem}")]
    Argument {
        /// Which.
        what: &'static str,
        /// What is wrong with it.
        problem: String,
    },
    /// A file cannot be written.
    #[error("cannot write {path}")]
    File {
        /// Which.
        path: std::path::PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// A signal ended the command early.
    #[error("stopped: {0}")]
    Stopped(&'static str),
    /// A part ended that should run as long as the service.
    #[error("{0} ended unexpectedly")]
    Ended(&'static str),
}
