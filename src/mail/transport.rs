//! The way out: a mail server, or in development the log.

use std::fs;
use std::time::Duration;

use lettre::transport::smtp::authentication::Credentials;
use lettre::transport::smtp::client::{Certificate, Tls, TlsParameters};
use lettre::transport::smtp::{Error as SmtpError, PoolConfig};
use lettre::{AsyncSmtpTransport, AsyncTransport as _, Message, Tokio1Executor};
use secrecy::ExposeSecret as _;

use super::MailError;
use crate::config::{MailSettings, MailTls};

/// Why a try failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Refusal {
    /// Another try may do better: `reason` is one of a few fixed words.
    ForNow(&'static str),
    /// The mail server will not take this mail.
    ForGood,
}

/// A connection pool to the mail server.
pub(super) struct Smtp {
    transport: AsyncSmtpTransport<Tokio1Executor>,
    timeout: Duration,
}

impl Smtp {
    /// As configured; connects when there is something to send.
    ///
    /// # Errors
    /// [`MailError::File`] and [`MailError::Tls`].
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
        Ok(Self {
            transport: builder.build(),
            timeout: settings.timeout,
        })
    }

    /// Hands a message to the mail server.
    ///
    /// # Errors
    /// [`Refusal`]. What the server said is not kept: it may repeat the recipient's address.
    pub(super) async fn send(&self, message: Message) -> Result<(), Refusal> {
        match tokio::time::timeout(self.timeout, self.transport.send(message)).await {
            Ok(Ok(_)) => Ok(()),
            Ok(Err(error)) => Err(refusal(&error)),
            Err(_) => Err(Refusal::ForNow("timeout")),
        }
    }
}

/// A login that fails is an operator's mistake, not the mail's.
fn refusal(error: &SmtpError) -> Refusal {
    let code = error.status().map(u16::from);
    match code {
        Some(530 | 534 | 535 | 538) => Refusal::ForNow("login"),
        Some(500..) => Refusal::ForGood,
        Some(_) => Refusal::ForNow("deferred"),
        None if error.is_timeout() => Refusal::ForNow("timeout"),
        None if error.is_tls() => Refusal::ForNow("tls"),
        None if error.is_client() => Refusal::ForNow("protocol"),
        None => Refusal::ForNow("connection"),
    }
}

fn parameters(settings: &MailSettings, host: &str) -> Result<TlsParameters, MailError> {
    let mut builder = TlsParameters::builder(host.to_owned());
    if let Some(path) = &settings.ca {
        let pem = fs::read(path).map_err(|source| MailError::File {
            path: path.clone(),
            source,
        })?;
        builder = builder.add_root_certificate(Certificate::from_pem(&pem).map_err(MailError::Tls)?);
    }
    builder.build_rustls().map_err(MailError::Tls)
}
