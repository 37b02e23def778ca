//! A subscriber's connection to NATS.

use async_nats::{Client, ConnectOptions};
use tracing::{error, warn};

use super::builder::Subscriber;
use super::credentials;
use super::error::SubscribeError;

/// A subscriber with its connection, ready to run.
#[derive(Clone, Debug)]
#[must_use]
pub struct Connected<M> {
    pub(crate) subscriber: Subscriber<M>,
    pub(crate) client: Client,
}

/// Returns connection options that log what the server refuses, as errors. Most of all these are
/// the subjects on which the user may not publish or subscribe: a request without permission gets
/// no answer.
///
/// ```no_run
/// use watchword_events::subscriber::{Subscriber, connect_options};
///
/// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
/// let options = connect_options()
///     .credentials_file("mailer.creds")
///     .await?
///     .custom_inbox_prefix("_INBOX_mailer");
/// let connected = Subscriber::durable("welcome-mailer")
///     .connect_with("nats://nats.internal:4222", options)
///     .await?;
/// # Ok(()) }
/// ```
#[must_use]
pub fn connect_options() -> ConnectOptions {
    ConnectOptions::new().event_callback(async |event| match event {
        async_nats::Event::ServerError(error) => error!(%error, "the NATS server reported an error"),
        async_nats::Event::SlowConsumer(_) => warn!("messages dropped; this program reads too slowly"),
        _ => {}
    })
}

impl<M> Subscriber<M> {
    /// Connects with the credentials in the URL (`nats://user:password@host`), or without any. With
    /// a user in the URL, reply subjects begin with `_INBOX_<user>`.
    ///
    /// # Errors
    /// [`SubscribeError::Connect`] when no server answers, or it refuses the credentials.
    pub async fn connect(self, url: &str) -> Result<Connected<M>, SubscribeError> {
        let options = credentials::apply(url, connect_options());
        self.connect_with(url, options).await
    }

    /// Connects with credentials, TLS or other options. Start from [`connect_options`], so that
    /// missing permissions are logged.
    ///
    /// # Errors
    /// [`SubscribeError::Connect`] when no server answers, or it refuses the credentials.
    pub async fn connect_with(self, url: &str, options: ConnectOptions) -> Result<Connected<M>, SubscribeError> {
        let client = options.connect(url).await.map_err(|error| SubscribeError::Connect(error.into()))?;
        Ok(self.with_client(client))
    }

    /// Uses a connection that the program already has.
    pub fn with_client(self, client: Client) -> Connected<M> {
        Connected { subscriber: self, client }
    }
}

impl<M> Connected<M> {
    /// Returns the connection, to check its state or to use it for something else.
    #[must_use]
    pub fn client(&self) -> Client {
        self.client.clone()
    }
}
