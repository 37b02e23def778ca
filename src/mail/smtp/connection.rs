//! One connection to the mail server, and what is said over it.

use std::time::Duration;

use lettre::Message;
use lettre::transport::smtp::Error;
use lettre::transport::smtp::authentication::{Credentials, Mechanism};
use lettre::transport::smtp::client::{AsyncSmtpConnection, TlsParameters};
use lettre::transport::smtp::commands::{Auth, Data, Mail, Rcpt};
use lettre::transport::smtp::extension::{ClientId, Extension, MailBodyParameter, MailParameter};

use super::problem::{Failure, Stage};

/// Both send the password as it is, which TLS protects.
const MECHANISMS: [Mechanism; 2] = [Mechanism::Plain, Mechanism::Login];

pub(super) struct Server {
    pub(super) host: String,
    pub(super) port: u16,
    pub(super) tls: Tls,
    pub(super) login: Option<Credentials>,
    pub(super) hello: ClientId,
    pub(super) timeout: Duration,
}

pub(super) enum Tls {
    None,
    AfterGreeting(TlsParameters),
    FromFirstByte(TlsParameters),
}

pub(super) struct Connection {
    smtp: AsyncSmtpConnection,
    /// Whether no command waits for its answer. A connection whose use was given up would take a
    /// late answer for that of the next email.
    is_at_rest: bool,
}

impl Server {
    /// Connect, and log in.
    pub(super) async fn connect(&self) -> Result<Connection, Failure> {
        let (first_byte, starttls) = match &self.tls {
            Tls::None => (None, None),
            Tls::FromFirstByte(parameters) => (Some(parameters.clone()), None),
            Tls::AfterGreeting(parameters) => (None, Some(parameters.clone())),
        };
        let address = (self.host.as_str(), self.port);
        let connecting =
            AsyncSmtpConnection::connect_tokio1(address, Some(self.timeout), &self.hello, first_byte, None);
        let mut smtp = connecting.await.map_err(Failure::at(Stage::Greeting))?;
        if let Some(parameters) = starttls {
            smtp.starttls(parameters, &self.hello).await.map_err(Failure::at(Stage::Tls))?;
        }
        if let Some(credentials) = &self.login {
            log_in(&mut smtp, credentials).await.map_err(Failure::at(Stage::Login))?;
        }
        Ok(Connection { smtp, is_at_rest: true })
    }
}

/// Log in with a mechanism that the server offers. One that offers none in a way that is understood
/// gets the one that every server has (RFC 4954).
async fn log_in(smtp: &mut AsyncSmtpConnection, credentials: &Credentials) -> Result<(), Error> {
    if smtp.server_info().get_auth_mechanism(&MECHANISMS).is_some() {
        smtp.auth(&MECHANISMS, credentials).await?;
    } else {
        smtp.command(Auth::new(Mechanism::Plain, credentials.clone(), None)?).await?;
    }
    Ok(())
}

impl Connection {
    /// Whether the connection is unused and the server is there.
    pub(super) async fn is_alive(&mut self) -> bool {
        std::mem::take(&mut self.is_at_rest) && {
            self.is_at_rest = self.smtp.test_connected().await;
            self.is_at_rest
        }
    }

    /// Send an email. After a failure the connection is not used again.
    pub(super) async fn send(&mut self, email: &Message) -> Result<(), Failure> {
        self.is_at_rest = false;
        let result = self.exchange(email).await;
        if result.is_err() {
            // Servers that wait for the end of a connection count it as open.
            self.smtp.abort().await;
        }
        self.is_at_rest = result.is_ok();
        result
    }

    async fn exchange(&mut self, email: &Message) -> Result<(), Failure> {
        let (envelope, content) = (email.envelope(), email.formatted());
        let server = self.smtp.server_info();
        let mut parameters = Vec::new();
        let addresses = envelope.from().into_iter().chain(envelope.to());
        if addresses.into_iter().any(|address| !AsRef::<str>::as_ref(address).is_ascii()) {
            if !server.supports_feature(Extension::SmtpUtfEight) {
                return Err(Failure::NoSmtpUtf8);
            }
            parameters.push(MailParameter::SmtpUtfEight);
        }
        if !content.is_ascii() && server.supports_feature(Extension::EightBitMime) {
            parameters.push(MailParameter::Body(MailBodyParameter::EightBitMime));
        }
        let smtp = &mut self.smtp;
        let sender = Mail::new(envelope.from().cloned(), parameters);
        smtp.command(sender).await.map_err(Failure::at(Stage::Sender))?;
        for recipient in envelope.to() {
            let recipient = Rcpt::new(recipient.clone(), Vec::new());
            smtp.command(recipient).await.map_err(Failure::at(Stage::Recipient))?;
        }
        smtp.command(Data).await.map_err(Failure::at(Stage::Data))?;
        smtp.message(&content).await.map_err(Failure::at(Stage::Message))?;
        Ok(())
    }
}
