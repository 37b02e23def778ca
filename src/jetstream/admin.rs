//! `watchword stream apply|info|diff`: an operator's questions and orders, over a connection of their own.

use std::sync::Arc;

use async_nats::{
    Event, ServerAddr, ServerError,
    jetstream::stream::{Config, Info},
};
use time::OffsetDateTime;

use super::{
    connect,
    connection::Link,
    definition,
    denied::Denials,
    drift::{Drift, drift},
    embedded,
    error::{NatsError, ProbeError, StreamFault},
    provision::{self, Unfit},
};
use crate::config::Settings;

/// A connection for administrative commands.
#[derive(Debug)]
pub struct StreamAdmin {
    link: Link,
    denials: Arc<Denials>,
    desired: Config,
}

/// What [`StreamAdmin::apply`] did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Applied {
    /// The stream was missing and has been made.
    Created,
    /// These fields have been changed to what the definition says.
    Updated(Vec<Drift>),
    /// The stream was as it should be.
    Unchanged,
}

/// A stream, for people.
#[derive(Clone, Debug)]
pub struct StreamSummary {
    /// Its name.
    pub name: String,
    /// Its subjects.
    pub subjects: Vec<String>,
    /// When it was made.
    pub created: OffsetDateTime,
    /// How many messages it holds.
    pub messages: u64,
    /// How many bytes they take.
    pub bytes: u64,
    /// The lowest sequence still stored.
    pub first_seq: u64,
    /// The highest sequence ever given.
    pub last_seq: u64,
    /// How many consumers it has.
    pub consumers: usize,
    /// Its replicas as configured.
    pub replicas: usize,
    /// The server that leads it, in a cluster.
    pub leader: Option<String>,
    /// The version of the server that answered.
    pub server_version: String,
    /// The whole configuration, as nats-server writes it.
    pub config: serde_json::Value,
}

impl StreamAdmin {
    /// Connects to `nats.url`, or to the embedded server that runs for this data directory.
    ///
    /// # Errors
    ///
    /// [`NatsError`] when there is no server to connect to, or it is too old.
    pub async fn connect(settings: &Settings) -> Result<Self, NatsError> {
        let desired = definition::desired(&settings.stream)?;
        let addresses = addresses(settings).await?;
        let denials = Arc::new(Denials::new(connect::identity(&settings.nats)));
        let heard = Arc::clone(&denials);
        let client = connect::options(&settings.nats)
            .await?
            .event_callback(move |event| {
                if let Event::ServerError(ServerError::Other(words)) = event {
                    heard.take(&words);
                }
                std::future::ready(())
            })
            .connect(addresses)
            .await
            .map_err(NatsError::Client)?;
        provision::check_version(&client.server_info().version)?;
        Ok(Self {
            link: Link::new(client, None),
            denials,
            desired,
        })
    }

    /// Makes the stream, or changes it to what the definition says.
    ///
    /// # Errors
    ///
    /// [`NatsError`] when the server refuses: some fields cannot be changed once the stream is made.
    pub async fn apply(&self) -> Result<Applied, NatsError> {
        let Some(info) = self.find().await? else {
            provision::ensure_as(&self.denials, &self.link.context, &self.desired)
                .await
                .map_err(unfit)?;
            return Ok(Applied::Created);
        };
        let differences = drift(&self.desired, &info.config);
        if differences.is_empty() {
            return Ok(Applied::Unchanged);
        }
        let ours = |subject: &str| subject.starts_with("$JS.API.STREAM.UPDATE.");
        let updated = self.denials.or(ours, self.link.context.update_stream(&self.desired));
        updated.await.map_err(StreamFault::Denied)?.map_err(|error| {
            let stream = self.desired.name.clone();
            NatsError::Stream(StreamFault::Refused {
                stream,
                reason: error.to_string(),
            })
        })?;
        Ok(Applied::Updated(differences))
    }

    /// What the stream is and holds.
    ///
    /// # Errors
    ///
    /// [`NatsError::NoStream`], or that the server does not answer.
    pub async fn info(&self) -> Result<StreamSummary, NatsError> {
        let info = self.existing().await?;
        let config = serde_json::to_value(&info.config).map_err(|error| ProbeError::Refused {
            what: "stream info",
            reason: error.to_string(),
        })?;
        Ok(StreamSummary {
            config,
            created: info.created,
            messages: info.state.messages,
            bytes: info.state.bytes,
            first_seq: info.state.first_sequence,
            last_seq: info.state.last_sequence,
            consumers: info.state.consumer_count,
            replicas: info.config.num_replicas,
            leader: info.cluster.and_then(|cluster| cluster.leader),
            server_version: self.link.client.server_info().version,
            name: info.config.name,
            subjects: info.config.subjects,
        })
    }

    /// Where the stream differs from the definition.
    ///
    /// # Errors
    ///
    /// [`NatsError::NoStream`], or that the server does not answer.
    pub async fn diff(&self) -> Result<Vec<Drift>, NatsError> {
        Ok(drift(&self.desired, &self.existing().await?.config))
    }

    async fn existing(&self) -> Result<Info, NatsError> {
        self.find()
            .await?
            .ok_or_else(|| NatsError::NoStream(self.desired.name.clone()))
    }

    async fn find(&self) -> Result<Option<Info>, NatsError> {
        let ours = |subject: &str| subject.starts_with(provision::INFO);
        let found = self
            .denials
            .or(ours, provision::find(&self.link.context, &self.desired.name));
        found.await.map_err(StreamFault::Denied)?.map_err(unfit)
    }
}

/// Where `nats.url` says, or where the embedded server of this data directory runs.
///
/// # Errors
///
/// [`NatsError`] when there is no such server.
pub(crate) async fn addresses(settings: &Settings) -> Result<Vec<ServerAddr>, NatsError> {
    if let Some(url) = &settings.nats.url {
        return connect::addresses(url);
    }
    let running = embedded::running(&settings.data_dir).await;
    let port = running
        .ok_or_else(|| NatsError::NoEmbeddedServer(settings.data_dir.clone()))?
        .port;
    connect::addresses(&format!("nats://127.0.0.1:{port}").into())
}

/// What an operator is told of a stream that cannot be used.
pub(crate) fn unfit(error: Unfit) -> NatsError {
    match error {
        Unfit::Fault(fault) => fault.into(),
        Unfit::Later(error) | Unfit::Missing(error) => error.into(),
    }
}
