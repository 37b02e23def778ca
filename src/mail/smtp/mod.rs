//! Sending emails to the mail server, over connections that are kept for a while.

mod connection;
mod hello;
mod problem;

use std::fs;
use std::time::Duration;

use deadpool::Runtime;
use deadpool::managed::{self, Metrics, Object, PoolError, RecycleError, RecycleResult};
use lettre::Message;
use lettre::transport::smtp::authentication::Credentials;
use lettre::transport::smtp::client::{Certificate, TlsParameters};
use secrecy::ExposeSecret as _;

use self::connection::{Connection, Server, Tls};
use self::problem::Failure;
pub(super) use self::problem::SendError;
use super::MailError;
use crate::config::{MailSettings, MailTls, Settings};

/// Servers close connections that are idle for some minutes; some do for less than one.
const MAX_IDLE: Duration = Duration::from_secs(20);

/// The mail server.
pub(super) struct Smtp {
    pool: managed::Pool<Manager>,
    timeout: Duration,
}

struct Manager(Server);

impl Smtp {
    /// Connect only when there is an email to send.
    pub(super) fn new(settings: &Settings, host: &str) -> Result<Self, MailError> {
        let mail = &settings.mail;
        let tls = match mail.tls {
            MailTls::None => Tls::None,
            MailTls::Starttls => Tls::AfterGreeting(parameters(mail, host)?),
            MailTls::Tls => Tls::FromFirstByte(parameters(mail, host)?),
        };
        let login = mail.username.as_ref().zip(mail.password.as_ref());
        let server = Server {
            host: host.to_owned(),
            port: mail.port(),
            tls,
            login: login.map(|(name, password)| Credentials::new(name.clone(), password.expose_secret().to_owned())),
            hello: hello::name(settings),
            timeout: mail.timeout,
        };
        let pool = managed::Pool::builder(Manager(server))
            .max_size(usize::try_from(mail.max_connections).unwrap_or(usize::MAX))
            .runtime(Runtime::Tokio1)
            .build()
            .map_err(MailError::Pool)?;
        Ok(Self { pool, timeout: mail.timeout })
    }

    /// Connect and log in.
    ///
    /// # Errors
    /// [`MailError::Server`]
    pub(super) async fn check(&self) -> Result<(), MailError> {
        match self.pool.manager().0.connect().await {
            Err(Failure::Server(_, error)) => Err(MailError::Server(error)),
            // No address was named yet.
            Ok(_) | Err(Failure::NoSmtpUtf8) => Ok(()),
        }
    }

    /// Send an email.
    ///
    /// # Errors
    /// [`SendError`], without the text of the server's answer: it may contain the address of the
    /// recipient.
    pub(super) async fn send(&self, email: &Message) -> Result<(), SendError> {
        let sending = tokio::time::timeout(self.timeout, self.attempt(email));
        sending.await.unwrap_or_else(|_| Err(SendError::timeout()))
    }

    /// Close the connections that nothing uses any more.
    pub(super) fn close_idle(&self) {
        self.pool.retain(|_, metrics| metrics.last_used() < MAX_IDLE);
    }

    async fn attempt(&self, email: &Message) -> Result<(), SendError> {
        loop {
            let mut connection = self.connection().await?;
            let is_used = Object::metrics(&connection).recycled.is_some();
            match connection.send(email).await {
                // A server may close a connection at any time. None is used twice after a failure,
                // so this ends with a new one.
                Err(failure) if is_used && failure.is_closed() => {}
                result => return result.map_err(SendError::from),
            }
        }
    }

    async fn connection(&self) -> Result<Object<Manager>, SendError> {
        match self.pool.get().await {
            Ok(connection) => Ok(connection),
            Err(PoolError::Backend(error)) => Err(error),
            Err(_) => Err(SendError::timeout()),
        }
    }
}

impl managed::Manager for Manager {
    type Type = Connection;
    type Error = SendError;

    async fn create(&self) -> Result<Connection, SendError> {
        Ok(self.0.connect().await?)
    }

    async fn recycle(&self, connection: &mut Connection, metrics: &Metrics) -> RecycleResult<SendError> {
        if metrics.last_used() < MAX_IDLE && connection.is_alive().await {
            Ok(())
        } else {
            Err(RecycleError::message("closed"))
        }
    }
}

fn parameters(settings: &MailSettings, host: &str) -> Result<TlsParameters, MailError> {
    let mut builder = TlsParameters::builder(host.to_owned());
    if let Some(path) = &settings.ca {
        let pem = fs::read(path).map_err(|source| MailError::File { path: path.clone(), source })?;
        builder = builder.add_root_certificate(Certificate::from_pem(&pem).map_err(MailError::Tls)?);
    }
    builder.build_rustls().map_err(MailError::Tls)
}
