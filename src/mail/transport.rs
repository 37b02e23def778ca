//! Sending emails to the mail server.

use std::fs;
use std::pin::pin;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use lettre::transport::smtp::authentication::Credentials;
use lettre::transport::smtp::client::{Certificate, Tls, TlsParameters};
use lettre::transport::smtp::{AsyncSmtpTransportBuilder, Error as SmtpError, PoolConfig};
use lettre::{AsyncSmtpTransport, AsyncTransport as _, Message, Tokio1Executor};
use secrecy::ExposeSecret as _;

use super::MailError;
use crate::config::{MailSettings, MailTls};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum SendError {
    /// A retry may succeed. The reason is one of a few fixed words.
    Temporary(&'static str),
    /// The mail server will never take this email.
    Permanent,
}

/// A connection pool to the mail server.
pub(super) struct Smtp {
    builder: AsyncSmtpTransportBuilder,
    pool: Mutex<AsyncSmtpTransport<Tokio1Executor>>,
    timeout: Duration,
}

impl Smtp {
    /// Connect only when there is an email to send.
    pub(super) fn new(settings: &MailSettings, host: &str) -> Result<Self, MailError> {
        let tls = match settings.tls {
            MailTls::None => Tls::None,
            MailTls::Starttls => Tls::Required(parameters(settings, host)?),
            MailTls::Tls => Tls::Wrapper(parameters(settings, host)?),
        };
        let mut builder = AsyncSmtpTransport::<Tokio1Executor>::builder_dangerous(host)
            .port(settings.port())
            .tls(tls)
            .timeout(Some(settings.timeout))
            .pool_config(PoolConfig::new().max_size(settings.max_connections));
        if let Some((username, password)) = settings.username.as_ref().zip(settings.password.as_ref()) {
            let password = password.expose_secret().to_owned();
            builder = builder.credentials(Credentials::new(username.clone(), password));
        }
        let pool = Mutex::new(builder.clone().build());
        Ok(Self { builder, pool, timeout: settings.timeout })
    }

    /// Connect and log in.
    ///
    /// # Errors
    /// As the server or the connection says.
    pub(super) async fn check(&self) -> Result<(), SmtpError> {
        let pool = self.pool.lock().unwrap_or_else(PoisonError::into_inner).clone();
        pool.test_connection().await.map(drop)
    }

    /// Send an email.
    ///
    /// # Errors
    /// [`SendError`], without the answer of the server: it may contain the address of the
    /// recipient.
    pub(super) async fn send(&self, email: Message) -> Result<(), SendError> {
        let pool = self.pool.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let mut sending = pin!(pool.send(email));
        match tokio::time::timeout(self.timeout, &mut sending).await {
            Ok(Ok(_)) => Ok(()),
            Ok(Err(error)) => Err(send_error(&error)),
            Err(_) => {
                self.leave_pool();
                Err(SendError::Temporary("timeout"))
            }
        }
    }

    /// Use new connections from now on. One whose use is given up goes back to its pool, and the
    /// next email would take late answers for its own: refused, or sent when it is not.
    fn leave_pool(&self) {
        *self.pool.lock().unwrap_or_else(PoisonError::into_inner) = self.builder.clone().build();
    }
}

/// A login that fails is a mistake of the configuration: the email itself may still be delivered.
fn send_error(error: &SmtpError) -> SendError {
    let code = error.status().map(u16::from);
    match code {
        Some(530 | 534 | 535 | 538) => SendError::Temporary("login"),
        Some(500..) => SendError::Permanent,
        Some(_) => SendError::Temporary("deferred"),
        None if error.is_timeout() => SendError::Temporary("timeout"),
        None if error.is_tls() => SendError::Temporary("tls"),
        None if error.is_client() => SendError::Temporary("protocol"),
        None => SendError::Temporary("connection"),
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
