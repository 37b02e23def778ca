//! A `PostgreSQL` server, and the sessions that are opened on it.

use std::fmt::Write as _;
use std::str::FromStr as _;
use std::time::Duration;

use secrecy::ExposeSecret as _;
use sqlx::postgres::{PgConnectOptions, PgSslMode};
use sqlx::{AssertSqlSafe, ConnectOptions as _, Executor as _, PgConnection, Row as _};
use tokio::time::timeout;

use super::session::{Session, timed_out};
use crate::config::{PostgresUrl, RootCertificates, SslMode};

/// How long a connection may take to open.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// How long a statement waits for a lock, so that a stuck client does not hold up the others.
const LOCK_TIMEOUT: Duration = Duration::from_secs(5);
/// How much longer than the server's own limit the client waits for an answer: a server that is
/// there has ended the statement by then.
const STATEMENT_MARGIN: Duration = Duration::from_secs(2);
/// After so much silence the server asks whether the client is there, and again after each
/// interval. The session of a host that has vanished ends after about eleven seconds, and its
/// locks with it; the server's default is two hours.
const KEEPALIVE_SETTINGS: [Setting<'static>; 4] = [
    ("tcp_keepalives_idle", "5"),
    ("tcp_keepalives_interval", "2"),
    ("tcp_keepalives_count", "3"),
    ("tcp_user_timeout", "10000"),
];

/// The name of a setting and its value.
type Setting<'a> = (&'a str, &'a str);

/// Where the server is, and how long anything may take there.
#[derive(Clone)]
pub(in crate::store) struct Server {
    options: PgConnectOptions,
    connect_timeout: Duration,
    statement_timeout: Duration,
}

/// Why an address cannot be used.
#[derive(Debug, thiserror::Error)]
pub(in crate::store) enum ServerProblem {
    #[error(transparent)]
    Variable(#[from] VariableProblem),
    #[error("database.url is not an address")]
    Url(#[from] sqlx::Error),
}

/// A variable of libpq that completes `database.url` has a value that it cannot have.
#[derive(Debug, thiserror::Error)]
#[error("the variable {0}")]
pub(in crate::store) struct VariableProblem(String);

/// The role or the database has `synchronous_commit = off`.
#[derive(Debug, thiserror::Error)]
#[error(
    "synchronous_commit is off for this role or database: a crash of PostgreSQL would take back what was answered and \
     published; set it to on, or to remote_write or remote_apply with standbys"
)]
pub(in crate::store) struct AsynchronousCommit;

impl Server {
    /// Complete an address with the variables of libpq, and with a password from its file.
    pub(in crate::store) fn new(url: &PostgresUrl, statement_timeout: Duration) -> Result<Self, ServerProblem> {
        let options = PgConnectOptions::from_str(url.for_driver().expose_secret())?
            .application_name(url.application_name().unwrap_or("watchword"))
            // A pooler refuses parameters at the start that it does not know. This is one, and no
            // floating-point number is read as text here.
            .extra_float_digits(None);
        Ok(Self {
            options: with_tls(options, url)?,
            connect_timeout: url.connect_timeout().unwrap_or(CONNECT_TIMEOUT),
            statement_timeout,
        })
    }

    /// The address for logs and messages, without the password.
    pub(in crate::store) fn display(&self) -> String {
        let options = &self.options;
        let database = options.get_database().unwrap_or_else(|| options.get_username());
        let port = options.get_port();
        match options.get_socket() {
            Some(socket) => format!("PostgreSQL, {}:{port}/{database}", socket.display()),
            None => format!("PostgreSQL, {}:{port}/{database}", options.get_host()),
        }
    }

    pub(in crate::store) fn user(&self) -> &str {
        self.options.get_username()
    }

    pub(in crate::store) fn database(&self) -> &str {
        self.options.get_database().unwrap_or_else(|| self.options.get_username())
    }

    /// Open a session.
    pub(in crate::store) async fn connect(&self) -> Result<Session, sqlx::Error> {
        self.connect_with(&[]).await
    }

    /// Open a session with further settings.
    pub(in crate::store) async fn connect_with(&self, extra: &[Setting<'_>]) -> Result<Session, sqlx::Error> {
        let open = async {
            let mut connection = self.options.connect().await?;
            let (lock, statement) = (millis(LOCK_TIMEOUT.min(self.statement_timeout)), millis(self.statement_timeout));
            let limits = [
                ("lock_timeout", lock.as_str()),
                ("statement_timeout", statement.as_str()),
                // The server ends the transaction of a stuck client, so nothing has to be canceled
                // here.
                ("idle_in_transaction_session_timeout", statement.as_str()),
            ];
            let backend = prepare(&mut connection, limits.iter().chain(extra).copied()).await?;
            Ok(Session::new(connection, backend, self.statement_timeout + STATEMENT_MARGIN))
        };
        timeout(self.connect_timeout, open).await.unwrap_or_else(|_| Err(timed_out()))
    }

    /// The options for a pool of sqlx, whose connections are given to
    /// [`prepare_for_migrations`].
    pub(super) const fn options(&self) -> &PgConnectOptions {
        &self.options
    }
}

/// Choose when TLS is used, as libpq does: never over a socket, and with the authorities of the
/// system where they are named.
fn with_tls(options: PgConnectOptions, url: &PostgresUrl) -> Result<PgConnectOptions, VariableProblem> {
    if options.get_socket().is_some() || options.get_host().starts_with('/') {
        return Ok(options.ssl_mode(PgSslMode::Disable));
    }
    let variable = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
    let mut mode = url.ssl_mode();
    if let (None, Some(value)) = (mode, variable("PGSSLMODE")) {
        let wrong = || VariableProblem("PGSSLMODE has a value that is not the name of a mode".to_owned());
        mode = Some(SslMode::parse(&value).ok_or_else(wrong)?);
    }
    let of_system = match url.root_certificates() {
        Some(root) => *root == RootCertificates::System,
        None => variable("PGSSLROOTCERT").is_some_and(|value| value == "system"),
    };
    if !of_system {
        return Ok(mode.map_or(options.clone(), |mode| options.ssl_mode(driver_mode(mode))));
    }
    if mode.is_some_and(|mode| mode != SslMode::VerifyFull) {
        return Err(VariableProblem("PGSSLROOTCERT=system requires sslmode=verify-full".to_owned()));
    }
    // No certificates beside those of the system.
    Ok(options.ssl_mode(PgSslMode::VerifyFull).ssl_root_cert_from_pem(Vec::new()))
}

const fn driver_mode(mode: SslMode) -> PgSslMode {
    match mode {
        SslMode::Disable => PgSslMode::Disable,
        SslMode::Prefer => PgSslMode::Prefer,
        SslMode::Require => PgSslMode::Require,
        SslMode::VerifyCa => PgSslMode::VerifyCa,
        SslMode::VerifyFull => PgSslMode::VerifyFull,
    }
}

/// Give a connection the settings of migrations, whose steps set limits of their own.
pub(super) async fn prepare_for_migrations(connection: &mut PgConnection) -> Result<(), sqlx::Error> {
    prepare(connection, []).await.map(|_| ())
}

/// Set the settings of a session, and return the process id of its backend.
///
/// They are set by a statement and not at the start of the connection, because poolers refuse most
/// parameters there.
async fn prepare<'a>(
    connection: &mut PgConnection,
    settings: impl IntoIterator<Item = Setting<'a>>,
) -> Result<i32, sqlx::Error> {
    let mut sql = String::from("SELECT pg_backend_pid() AS pid, current_setting('synchronous_commit') AS commits");
    for (name, value) in KEEPALIVE_SETTINGS.into_iter().chain(settings) {
        let _ = write!(sql, ", set_config('{name}', '{value}', false)");
    }
    let row = connection.fetch_one(AssertSqlSafe(sql)).await?;
    if row.try_get::<String, _>("commits")? == "off" {
        return Err(sqlx::Error::Configuration(Box::new(AsynchronousCommit)));
    }
    row.try_get("pid")
}

fn millis(duration: Duration) -> String {
    duration.as_millis().to_string()
}
